"""Organisation: its tier and limits, its policies, who uses how much, the states of its keys, and what happened."""

import re

import falcon

from services.keys.console.pages.details.use_part import step_asked
from services.keys.console.pages.key_usage import OrganisationUse
from services.keys.console.pages.listing.badges import EXPIRING, UNUSED
from services.keys.console.pages.page import Page
from services.keys.console.pages.parts import Visit
from services.keys.lifecycle.key import Status
from services.keys.views.listing.key_filter import KeyFilter
from services.keys.views.queries import KeyView

PATH = "/console/organisation"
_HAPPENED, _NAMED = 20, 20
_PLACE = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


class OrganisationPage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit, now = self.visit(req), self.parts.clock.now()
        organisation_id, step = visit.organisation_id, step_asked(req)
        use = self.parts.asked_usage().part(lambda usage: usage.of_organisation(organisation_id, step, now))
        after = _place(req.get_param("before") or "")
        happened = self.parts.organisation_history.page(organisation_id, _HAPPENED, after)
        self.show(
            req,
            resp,
            visit,
            "keys/organisation.html",
            section="organisation",
            limits=visit.tier_limits(),
            use=use,
            step=step,
            bars=[] if use is None else use.whole.bars(now),
            by_key=() if use is None else self._by_key(visit, use),
            overview=self.parts.overview(organisation_id, visit.lifetimes(), now, expiring=EXPIRING, unused=UNUSED),
            statuses=tuple(Status),
            happened=happened.entries,
            first=PATH if after else None,
            next=happened.next_place and f"{PATH}?before={happened.next_place[0]}",
            names=visit.names({one.entry.actor for one in happened.entries}),
        )

    def _by_key(self, visit: Visit, use: OrganisationUse) -> tuple[tuple[KeyView | None, str, str, int, int], ...]:
        """(key, or None if it is gone; its id; hint; requests; refused of them): the heaviest and the most refused."""
        refused = {key_id: count for key_id, _, count in use.refused_keys}
        requests = {key_id: count for key_id, _, count in use.keys}
        hints = {key_id: hint for key_id, hint, _ in (*use.keys, *use.refused_keys)}
        first = dict.fromkeys([*list(requests)[:_NAMED], *list(refused)[: _NAMED // 2]])
        known = self.parts.queries.list_keys(
            visit.organisation_id, len(first) or 1, wanted=KeyFilter(ids=tuple(first))
        ).keys
        by_id = {key.id: key for key in known}
        return tuple(
            (by_id.get(key_id), key_id, hints[key_id], max(requests.get(key_id, 0), refused.get(key_id, 0)),
             refused.get(key_id, 0))
            for key_id in first
        )  # fmt: skip


def _place(text: str) -> tuple[int] | None:
    """Where the page before ended; None also for what cannot be read: the list begins anew."""
    return (int(text),) if _PLACE.fullmatch(text) else None
