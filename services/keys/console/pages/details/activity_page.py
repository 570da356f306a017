"""Activity of a key: its changes and its requests, filtered and paged by the URL, and the same as a CSV file."""

from collections.abc import Iterator

import falcon

from services.keys.console.pages.details import activity_query
from services.keys.console.pages.details.activity_query import ActivityQuery
from services.keys.console.pages.key_usage import ActivityPage, Entry, UsageAway
from services.keys.console.pages.page import Page
from services.keys.console.pages.parts import Visit
from services.keys.views.history import HistoryRange
from shared.web.problems.catalogue import unavailable

_ROWS = 50


class KeyActivityPage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        visit, query = self.visit(req), activity_query.asked(req)
        key = self.parts.queries.get_key(visit.organisation_id, key_id)
        page = self.parts.asked_usage().part(
            lambda usage: usage.activity(visit.organisation_id, key_id, _ROWS, query.wanted, query.after)
        )
        shown = self._changes(visit, key_id, query) if page is None else page
        path = f"/console/keys/{key_id}/activity"
        self.show(
            req,
            resp,
            visit,
            "keys/activity.html",
            key=key,
            query=query,
            entries=shown.entries,
            is_missing=page is None,
            names=visit.names({entry.actor for entry in shown.entries if entry.actor}),
            first=query.address(path) if query.after else None,
            next=None if shown.next is None else query.address(path, shown.next),
            file=query.address(f"{path}.csv"),
            path_without_filters=path,
        )

    def _changes(self, visit: Visit, key_id: str, query: ActivityQuery) -> ActivityPage:
        """What keys itself knows: the changes, where filters of requests do not leave them out."""
        wanted = query.wanted
        if wanted.status or wanted.route or wanted.address:
            return ActivityPage(entries=(), next=None)
        asked = HistoryRange(newest=_ROWS, start=wanted.start, end=wanted.end, request_id=wanted.request_id or None)
        history = reversed(self.parts.history.of_key(visit.organisation_id, key_id, asked))
        changes = (Entry(at=one.at, type=one.type, actor=one.actor, request_id=one.request_id) for one in history)
        return ActivityPage(entries=tuple(changes), next=None)


class KeyActivityFile(Page):
    """A file that ends before its end is an answer that breaks off, which browsers tell."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        visit, query = self.visit(req), activity_query.asked(req)
        self.parts.queries.get_key(visit.organisation_id, key_id)
        if self.parts.usage is None:
            raise unavailable()
        try:
            parts = self.parts.usage.activity_file(visit.organisation_id, key_id, query.wanted)
        except UsageAway:
            raise unavailable() from None
        resp.content_type = "text/csv; charset=utf-8"
        resp.set_header("Cache-Control", "no-store")
        resp.set_header("Content-Disposition", f'attachment; filename="{key_id}-activity.csv"')
        resp.stream = _encoded(parts)


def _encoded(parts: Iterator[str]) -> Iterator[bytes]:
    for part in parts:
        yield part.encode()
