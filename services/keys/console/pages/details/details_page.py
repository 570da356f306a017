"""Details of a key: configuration, warnings, use and the latest activity. What usage does not answer is said to be
missing.
"""

from collections.abc import Iterable

import falcon

from services.keys.console.pages.details.old_secret import old_secret
from services.keys.console.pages.details.setting_changes import last_changes
from services.keys.console.pages.details.use_part import step_asked, use_of_key
from services.keys.console.pages.key_usage import REQUESTS
from services.keys.console.pages.listing.badges import badges
from services.keys.console.pages.page import Page
from services.keys.views.history import HistoryEntry, HistoryRange

CHANGES_READ_MAX = 50  # of a key that may have thousands: who changed a setting last is told of these
_LATEST, _CHANGES = 10, 10


class DetailsPage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        visit = self.visit(req)
        organisation_id, now = visit.organisation_id, self.parts.clock.now()
        key = self.parts.queries.get_key(organisation_id, key_id)
        history = self.parts.history.of_key(organisation_id, key_id, HistoryRange(newest=CHANGES_READ_MAX))
        usage = self.parts.asked_usage()
        limits, networks = visit.limits_of(key), self.parts.networks
        use = use_of_key(req, visit.session, key, limits, step_asked(req), usage, networks, now)
        page = usage.part(lambda asked: asked.activity(organisation_id, key_id, _LATEST, REQUESTS))
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
            warnings=badges(key, now, None),
            requests=None if page is None else [entry.request for entry in page.entries if entry.request],
            old_secret=old_secret(usage, organisation_id, key),
            **use,
        )


def _actors(history: Iterable[HistoryEntry]) -> set[str]:
    return {entry.actor for entry in history}
