"""JSON representation of keys and receipts in the API's answers."""

from collections.abc import Iterable
from typing import Any

import msgspec

from services.keys.commands.command_inputs import Made, Revocation
from services.keys.http.schemas.members import LISTED, SHOWN
from services.keys.revocation.propagation import Receipt
from services.keys.views.as_of import PastKey
from services.keys.views.queries import KeyView
from shared.gate.grants.grant import Limits, limits_by
from shared.gate.grants.grants import Grants
from shared.replication.proof.receipt_proof import form
from shared.values.timestamps import rfc3339

_QUERY_WARNING = (
    "may be sent in the URL's query, which proxies and browser histories record; prefer the Authorization header"
)


class KeyRepresentation:
    """Represents a key in full, with its tier and the limits in force that this process's gate applies."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    def __call__(self, key: KeyView) -> dict[str, Any]:
        allowed = self.tier_limits(key.organisation_id)
        return self._detailed(key, self._grants.tier(key.organisation_id), allowed)

    def past(self, past: PastKey) -> dict[str, Any]:
        """With the tier, and its limits, at the time of the view; where that is unknown, at present."""
        if past.tier is None:
            return self(past.key)
        return self._detailed(past.key, past.tier, limits_by(past.tier, past.contract, self._grants.policy))

    def tier_limits(self, organisation_id: str) -> Limits | None:
        return self._grants.limits_of(organisation_id)

    def _detailed(self, key: KeyView, tier: str | None, allowed: Limits | None) -> dict[str, Any]:
        return detailed(key, tier, allowed and allowed.lowered(key.minute_limit, key.day_limit))


def listed(view: KeyView) -> dict[str, Any]:
    return _shown(view, LISTED) | {"warnings": _warnings(view)}


def detailed(view: KeyView, tier: str | None, limits: Limits | None) -> dict[str, Any]:
    """`limits`: those in force, the lower of the key's and its tier's."""
    return _shown(view, SHOWN) | {
        "warnings": _warnings(view),
        "tier": tier,
        "limits": {"minute": view.minute_limit, "day": view.day_limit},
        "effective_limits": in_force(limits),
        "previous_secret": _previous_secret(view),
    }


def in_force(limits: Limits | None) -> dict[str, int | None]:
    return {name: None if limits is None else getattr(limits, name) for name in ("minute", "day", "concurrent")}


def _shown(view: KeyView, members: Iterable[str]) -> dict[str, Any]:
    """Of these members the ones that the view has as they are."""
    whole: dict[str, Any] = msgspec.to_builtins(view)
    return {name: whole[name] for name in members if name in whole}


def receipt(receipt: Receipt) -> dict[str, Any]:
    return form(receipt.shown())


def revocation(revocation: Revocation) -> dict[str, Any]:
    return {"receipt": receipt(revocation.receipt)} | made(revocation.made)


def made(made: Made) -> dict[str, Any]:
    return {"made": made.ids, "renewed": made.renewed, "made_complete": made.is_complete}


def _previous_secret(view: KeyView) -> dict[str, Any] | None:
    if view.previous_hint is None:
        return None
    moments: dict[str, Any] = msgspec.to_builtins(
        {"grace_until": view.grace_until, "last_used_at": view.previous_used_at}
    )
    return {"hint": view.previous_hint} | moments


def _warnings(view: KeyView) -> list[str]:
    """What its owner should know of it."""
    found = [_QUERY_WARNING] if view.allow_query else []
    if view.sent_in_query_at is not None:
        found.append(f"was sent in a URL's query, last at {rfc3339(view.sent_in_query_at)}: rotate it")
    if view.exceeded_lifetime_days is not None:
        found.append(f"lives longer than the {view.exceeded_lifetime_days} days that the organisation allows")
    return found
