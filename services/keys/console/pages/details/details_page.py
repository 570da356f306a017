"""Details of a key: configuration, warnings, use and the latest activity. What usage does not answer is said to be
missing.
"""

from collections.abc import Iterable

import falcon

from services.keys.console.pages.asked_usage import AskedUsage
from services.keys.console.pages.details.key_warnings import warnings
from services.keys.console.pages.details.old_secret import old_secret
from services.keys.console.pages.details.setting_changes import last_changes
from services.keys.console.pages.key_usage import Step
from services.keys.console.pages.page import Page
from services.keys.views.history import HistoryEntry

_REQUESTS, _CHANGES = 10, 10


class DetailsPage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        visit = self.visit(req)
        organisation_id, now = visit.organisation_id, self.parts.clock.now()
        key = self.parts.queries.get_key(organisation_id, key_id)
        history = self.parts.history.of_key(organisation_id, key_id)
        limits = visit.limits_of(key)
        usage, step = AskedUsage(self.parts.usage), step_asked(req)
        use = usage.part(lambda asked: asked.use(organisation_id, key_id, step, now))
        spent = usage.part(lambda asked: asked.spent(organisation_id, key_id, None if limits is None else limits.day))
        page = usage.part(lambda asked: asked.activity(organisation_id, key_id, 2 * _REQUESTS))
        self.show(
            req,
            resp,
            visit,
            "keys/details.html",
            key=key,
            changed=last_changes(history),
            history=history[-_CHANGES:][::-1],
            is_whole_history=len(history) <= _CHANGES,
            names=visit.names(_actors(history)),
            warnings=warnings(key, now),
            step=step,
            use=use,
            bars=[] if use is None else use.bars(now),
            spent=spent,
            requests=None if page is None else [entry.request for entry in page.entries if entry.request][:_REQUESTS],
            limits=limits,
            old_secret=old_secret(usage, organisation_id, key),
        )


def step_asked(req: falcon.Request, default: Step = Step.HOUR) -> Step:
    asked = req.get_param("step")
    return Step(asked) if asked in set(Step) else default


def _actors(history: Iterable[HistoryEntry]) -> set[str]:
    return {entry.actor for entry in history}
