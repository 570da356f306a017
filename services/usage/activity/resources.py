"""HTTP resource of a key's activity, as keyset pages or as one CSV file."""

from collections.abc import Iterable
from typing import Any

from services.usage.activity.csv_export import CONTENT_TYPE, as_csv
from services.usage.activity.file.made_by_child import ROWS_MAX, made_by_child
from services.usage.activity.file.messages import job_of
from services.usage.activity.schema import ActivityQuery, ActivityQuerySchema, ActivitySchema
from services.usage.activity.timeline import ActivityFilter, ActivityTimeline, Place, TimelineEntry
from services.usage.http.wide_questions import Stream, WideQuestions
from services.usage.known_keys.directory import ExistingKeys
from shared.contracts.errors import NotFound, Unavailable
from shared.runtime.clock import Clock
from shared.web.operation import Answer, Call, operation
from shared.web.pagination import page_answer
from shared.web.problems.catalogue import Problem, unavailable
from shared.web.route import Route

CSV = "text/csv"


def routes(activity: ActivityTimeline, wide: WideQuestions, existing_keys: ExistingKeys, clock: Clock) -> list[Route]:
    return [Route("/v1/keys/{key_id}/activity", KeyActivity(activity, wide, existing_keys, clock))]


class KeyActivity:
    def __init__(
        self, activity: ActivityTimeline, wide: WideQuestions, existing_keys: ExistingKeys, clock: Clock
    ) -> None:
        self._activity, self._wide, self._existing_keys, self._clock = activity, wide, existing_keys, clock

    @operation(
        "List what happened with a key, newest first; `Accept: text/csv` exports all of it",
        tag="Usage",
        permission="admin",
        query=ActivityQuerySchema,
        answers=ActivitySchema,
        alternatives=(CSV,),
        problems=("not-found", "range-too-long"),
    )
    def on_get(self, call: Call[ActivityQuery, None], key_id: str) -> Answer:
        if not self._existing_keys.belongs_to(key_id, call.caller.organisation_id):
            raise Problem("not-found")
        try:
            return self._csv(call, key_id) if call.media_type == CSV else self._page(call, key_id)
        except NotFound:
            raise Problem("not-found") from None
        except Unavailable:
            raise unavailable(detail="the history of the key is not available right now") from None

    def _page(self, call: Call[ActivityQuery, None], key_id: str) -> Answer:
        query = call.query
        place = query.after(int, int, int)
        after = None if place is None else Place(*place)
        organisation_id, wanted = call.caller.organisation_id, query.wanted()
        with self._wide.asking(organisation_id, is_wide=wanted.is_wide(self._clock.now())):
            page = self._activity.page(organisation_id, key_id, query.limit, wanted, after)
        return page_answer(map(shown, page.entries), page.next_place, query)

    def _csv(self, call: Call[ActivityQuery, None], key_id: str) -> Answer:
        if call.query.cursor is not None:
            raise Problem("invalid-request", "cursor: a CSV file has no pages, so leave it out")
        headers = {"Content-Disposition": f'attachment; filename="{key_id}-activity.csv"'}
        place = self._wide.take(call.caller.organisation_id)
        try:
            parts = self._file(call.caller.organisation_id, key_id, call.query.wanted())
        except BaseException:
            place.close()
            raise
        return Answer(body=b"", stream=Stream(parts, place), content_type=CONTENT_TYPE, headers=headers)

    def _file(self, organisation_id: str, key_id: str, wanted: ActivityFilter) -> Iterable[bytes]:
        """A long one is made by another process: it would keep this one from its other callers."""
        life = self._activity.life(organisation_id, key_id, wanted)
        if self._activity.has_more_than(ROWS_MAX, key_id, wanted):
            return made_by_child(job_of(self._activity.database, key_id, wanted, life))
        return as_csv(self._activity.everything(key_id, wanted, life))


def shown(entry: TimelineEntry) -> dict[str, Any]:
    request, lifecycle = entry.request, entry.lifecycle
    return {
        "at": entry.at,
        "request": None
        if request is None
        else {name: getattr(request, name) for name in type(request).__slots__ if name != "at"},
        "lifecycle": None if lifecycle is None else {name: value for name, value in lifecycle.items() if name != "at"},
    }
