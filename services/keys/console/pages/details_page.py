"""Details of a key: its configuration, its use, and its activity. What usage does not answer is said to be missing."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import falcon

from services.keys.console.pages.key_usage import UsageAway
from services.keys.console.pages.page import Page
from services.keys.views.history import HistoryEntry

Part = TypeVar("Part")
CHANGES_MAX = 50  # of a key, that its details show; a key may have thousands
_REQUESTS = 20


class DetailsPage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        visit = self.visit(req)
        organisation_id, usage = visit.organisation_id, self.parts.usage
        key = self.parts.queries.get_key(organisation_id, key_id)
        history = self.parts.history.of_key(organisation_id, key_id, newest=CHANGES_MAX)[::-1]
        day = requests = None
        if usage is not None:
            day = _if_there(lambda: usage.day(organisation_id, key_id, self.parts.clock.now()))
            # Whoever is away for the one is for the other: the page waits once.
            requests = None if day is None else _if_there(lambda: usage.requests(organisation_id, key_id, _REQUESTS))
        self.show(
            req,
            resp,
            visit,
            "keys/details.html",
            key=key,
            history=history,
            is_whole_history=history[-1].revision == 1,
            names=self.parts.sign_in.names(_actors(history)),
            day=day,
            hours=[] if day is None else day.each_hour(self.parts.clock.now()),
            requests=requests,
            limits=visit.tier_limits(),
        )


def _actors(history: Iterable[HistoryEntry]) -> set[str]:
    return {entry.actor for entry in history}


def _if_there(ask: Callable[[], Part]) -> Part | None:
    try:
        return ask()
    except UsageAway:
        return None
