"""The page of the system's state, for operators' people: to others it is not there."""

from collections import deque
from typing import Any

import falcon
import msgspec

from services.keys.console.pages.page import Page
from services.keys.console.pages.parts import Parts
from services.keys.console.pages.system.system_state import SystemState, state_of
from services.keys.console.rendering.polls import answers_known, tag_of
from services.keys.revocation.session_fence import Session
from shared.runtime.clock import Clock

PATH, PART = "/console/system", "/console/system/state"
_RATE_SECONDS = 4.0
"""A rate is of the time since a look that was at least so long ago, or since the one before."""


class _Rate:
    """Requests a second, of all services together."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._looks = clock, deque[tuple[float, int]]()

    def of(self, state: SystemState) -> float | None:
        """None: this is the first look, processes began anew, or a service did not answer, whose part is not known."""
        if any(service.is_missing for service in state.services):
            return None
        requests = state.requests
        now = self._clock.elapsed_seconds()
        self._looks.append((now, requests))
        while len(self._looks) > 2 and now - self._looks[1][0] >= _RATE_SECONDS:
            self._looks.popleft()
        at, before = self._looks[0]
        if now - at < _RATE_SECONDS or requests < before:
            return None
        return (requests - before) / (now - at)


class _SystemPages(Page):
    def __init__(self, parts: Parts, rate: _Rate) -> None:
        super().__init__(parts)
        self._rate = rate

    def drawn(self, req: falcon.Request, session: Session) -> dict[str, Any]:
        """What the template needs. Raises HTTPNotFound: to whom does not run the system there is no such page."""
        watched = self.parts.system
        if watched is None or session.organisation_id not in watched.operators:
            raise falcon.HTTPNotFound
        state = state_of(watched.measured(), self.parts.clock.now().timestamp())
        rate = self._rate.of(state)
        return {"state": state, "rate": rate, "poll": PART, "tag": _tag(req, session, state, rate)}


class SystemPage(_SystemPages):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit = self.visit(req)
        drawn = self.drawn(req, visit.session)
        self.show(req, resp, visit, "system/system.html", section="system", **drawn)


class SystemPart(_SystemPages):
    """Its figures by themselves, as an open page polls them."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        session = self.polling(req)
        drawn = self.drawn(req, session)
        if not answers_known(req, resp, drawn["tag"]):
            self.show_part(req, resp, session, "system/state.html", **drawn)


def pages(parts: Parts) -> dict[str, Page]:
    """By their addresses."""
    rate = _Rate(parts.clock)
    return {PATH: SystemPage(parts, rate), PART: SystemPart(parts, rate)}


def _tag(req: falcon.Request, session: Session, state: SystemState, rate: float | None) -> str:
    """Without what moves at each look though nothing happens: it would never be unchanged."""
    shown = [
        (service.name, service.is_missing, service.requests, bool(service.fresh_seconds)) for service in state.services
    ]
    made_of = shown, state.by_class, state.refusals, state.receipts, state.spooled_bytes, state.behind, state.faults
    return tag_of(req, session.time_zone, msgspec.to_builtins((made_of, state.deliveries, rate and round(rate))))
