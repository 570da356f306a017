"""A key "as it was on …": each setting at a moment of the past beside what it is now."""

import falcon

from services.keys.console.pages.details.activity_query import as_moment
from services.keys.console.pages.page import Page
from services.keys.lifecycle.key import NoSuchKey
from services.keys.views.as_of import InTheFuture
from shared.gate.grants.grant import limits_by

SETTINGS = (
    *("status", "name", "description", "labels", "permissions", "hint", "expiry", "addresses", "allow_query"),
    *("networks", "minute", "day"),
)


class PastPage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        visit, now = self.visit(req), self.parts.clock.now()
        key = self.parts.queries.get_key(visit.organisation_id, key_id)
        text, past, fault = req.get_param("at") or "", None, ""
        try:
            moment = as_moment(text)
            past = self.parts.as_of.at(visit.organisation_id, key_id, moment, now)
        except ValueError:
            moment, fault = None, "unreadable" if text else ""
        except InTheFuture:
            fault = "future"
        except NoSuchKey:
            fault = "before"
        limits = limits_by(past.tier, past.contract, self.parts.tiers) if past and past.tier else None
        self.show(
            req,
            resp,
            visit,
            "keys/past.html",
            status=422 if fault else 200,
            key=key,
            limits=visit.tier_limits(),
            moment=moment,
            past=past and past.key,
            past_limits=limits,
            settings=SETTINGS,
            fault=fault,
            network_names=visit.network_names(),
        )
