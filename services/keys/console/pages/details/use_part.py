"""Usage of a key as its details show it, and by itself, as an open page polls it."""

from datetime import datetime
from typing import Any

import falcon
import msgspec

from services.keys.console.pages.asked_usage import AskedUsage
from services.keys.console.pages.key_usage import Step
from services.keys.console.pages.network_names import NetworkNames
from services.keys.console.pages.page import Page
from services.keys.console.rendering.polls import answers_known, tag_of
from services.keys.revocation.session_fence import Session
from services.keys.views.queries import KeyView
from shared.gate.grants.grant import Limits


class UsePart(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        session, now = self.polling(req), self.parts.clock.now()
        key, step = self.parts.queries.get_key(session.organisation_id, key_id), step_asked(req)
        if answers_known(req, resp, _tag(req, session, key, step, now)):
            return
        limits = self.parts.limits_of(key, self.parts.queries.organisation(session.organisation_id))
        use = use_of_key(req, session, key, limits, step, self.parts.asked_usage(), self.parts.networks, now)
        self.show_part(req, resp, session, "keys/details/use_part.html", key=key, **use)


def use_of_key(
    req: falcon.Request,
    session: Session,
    key: KeyView,
    limits: Limits | None,
    step: Step,
    usage: AskedUsage,
    networks: NetworkNames,
    now: datetime,
) -> dict[str, Any]:
    """What the template of the usage needs. Without an answer it has no tag: the next poll asks again."""
    asked_for = session.organisation_id, key.id
    use = usage.part(lambda asked: asked.use(*asked_for, step, now))
    spent = usage.part(lambda asked: asked.spent(*asked_for, None if limits is None else limits.day))
    is_whole = use is not None and spent is not None
    names_networks = key.networks is not None or (use is not None and bool(use.networks))
    return {
        "step": step,
        "use": use,
        "bars": [] if use is None else use.bars(now),
        "spent": spent,
        "limits": limits,
        "network_names": networks.of(session.organisation_id) if names_networks else {},
        "poll": f"/console/keys/{key.id}/use?step={step}",
        "tag": _tag(req, session, key, step, now) if is_whole else "",
    }


def step_asked(req: falcon.Request, default: Step = Step.HOUR) -> Step:
    asked = req.get_param("step")
    return Step(asked) if asked in set(Step) else default


def _tag(req: falcon.Request, session: Session, key: KeyView, step: Step, now: datetime) -> str:
    """Known without asking usage: of a key that is not used only what was refused changes, and is a minute late."""
    minute = now.strftime("%Y-%m-%dT%H:%M")
    made_of = key.id, key.revision, key.last_used_at, step, minute
    return tag_of(req, session.time_zone, msgspec.to_builtins(made_of))
