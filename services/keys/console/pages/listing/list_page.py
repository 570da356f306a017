"""List of an organisation's keys: searched, filtered, sorted and paged by its URL alone; and its rows, to be polled."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import falcon
import msgspec

from services.keys.console.pages.key_usage import UsageAway
from services.keys.console.pages.listing.badges import badges
from services.keys.console.pages.listing.day_line import day_line
from services.keys.console.pages.listing.list_query import PATH, ROWS, KeyListQuery, asked
from services.keys.console.pages.page import Page
from services.keys.console.pages.parts import Parts
from services.keys.console.rendering.polls import KeptParts, UnchangedTags, answers_known, tag_of
from services.keys.lifecycle.key import Status
from services.keys.revocation.session_fence import Session
from services.keys.views.queries import KeyPage
from shared.values.permissions import PERMISSIONS
from shared.web.pagination import page_answer

ROWS_PATH = f"{PATH}/rows"
_COLUMNS = ("name", "created_at", "last_used_at", "expires_at")


class _Listed(Page):
    def listed(self, req: falcon.Request, session: Session) -> "_List":
        query, place = asked(req)
        now = self.parts.clock.now()
        page = self.parts.queries.list_keys(session.organisation_id, ROWS, place, query.wanted_at(now), query.sort)
        return _List(query=query, page=page, now=now, tag=_tag(req, session, query, page, now))

    def rows(self, organisation_id: str, listed: "_List") -> dict[str, Any]:
        """What the template of the rows needs."""
        query, page, usage = listed.query, listed.page, self.parts.usage
        days = None
        is_missing = False
        if usage is not None and page.keys:
            try:
                days = usage.last_day(organisation_id, tuple(key.id for key in page.keys))
            except UsageAway:
                is_missing = True
        sources = {} if days is None else days.new_sources
        known = {} if days is None else days.by_key
        cursor = page_answer((), page.next_place, query).body["next_cursor"]
        return {
            "keys": page.keys,
            "badges": {key.id: badges(key, listed.now, sources.get(key.id)) for key in page.keys},
            "days": known,
            "lines": {key_id: day_line(day.requests, day.refused) for key_id, day in known.items()},
            "has_days": days is not None,
            "is_usage_missing": is_missing,
            "first": query.address() if query.cursor else None,
            "next": None if cursor is None else query.address(cursor=cursor),
            "sorted_by": {name: query.sorted_by(name) for name in _COLUMNS},
            "poll": query.address(ROWS_PATH, cursor=query.cursor),
            # Without usage no tag: the next poll asks it again.
            "tag": "" if is_missing else listed.tag,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    query: KeyListQuery
    page: KeyPage
    now: datetime
    tag: str


class KeyListPage(_Listed):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit = self.visit(req)
        listed = self.listed(req, visit.session)
        self.show(
            req,
            resp,
            visit,
            "keys/list.html",
            query=listed.query,
            statuses=tuple(Status),
            permission_names=PERMISSIONS,
            makers=self.parts.sign_in.people_of(visit.organisation_id),
            is_filtered=listed.query.is_filtered,
            network_names=visit.network_names(),
            **self.rows(visit.organisation_id, listed),
        )


class KeyRows(_Listed):
    """The rows by themselves, for a page that is open."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._kept, self._unchanged = KeptParts(parts.clock), UnchangedTags(parts.clock)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        session = self.polling(req)
        asked_for = req.relative_uri, session.organisation_id, session.role, session.time_zone
        # Badges of what was long unused, or ends soon, change with the days; what ends is seen when it does.
        minute = self.parts.clock.now().replace(second=0, microsecond=0)
        shown, mark = tag_of(req, session.time_zone, asked_for), (self.parts.queries.mark(), minute)
        known = self._unchanged.get(shown, mark)
        if known and answers_known(req, resp, known):
            return
        next_end = self.parts.queries.next_end(session.organisation_id)
        listed = self.listed(req, session)
        self._unchanged.keep(shown, mark, next_end, listed.tag)
        if answers_known(req, resp, listed.tag):
            return
        kept = self._kept.get(listed.tag)
        if kept is not None:
            self.answer_part(req, resp, kept, listed.tag)
            return
        rows = self.rows(session.organisation_id, listed)
        self._kept.keep(rows["tag"], self.show_part(req, resp, session, "keys/rows.html", **rows))


def _tag(req: falcon.Request, session: Session, query: KeyListQuery, page: KeyPage, now: datetime) -> str:
    """Known without asking usage: a key that was used has another time of last use."""
    shown = [(key, badges(key, now, None)) for key in page.keys]
    hour = now.strftime("%Y-%m-%dT%H")
    made_of = (session.organisation_id, shown, page.next_place, query, hour, session.role)
    return tag_of(req, session.time_zone, msgspec.to_builtins(made_of))
