"""Mapping from HTTP bodies to the commands' inputs.

Checks here what a schema cannot: expiry against the present moment, limits against the caller's tier.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET

from services.keys.commands.command_inputs import KeyEdit, KeyRequest, MadeQuery
from services.keys.encryption.description import Description
from services.keys.http.request_bodies import EXPIRY_SECONDS_MAX, CreateKeyBody, EditKeyBody, LimitsBody, RevokeKeyBody
from services.keys.http.request_queries import ForceQuery
from services.keys.lifecycle.key import Access
from services.keys.revocation.fence import Fence
from shared.eventsourcing.origin import Origin
from shared.gate.grants.grant import Limits
from shared.web.operation import Call
from shared.web.problems.catalogue import Problem


def origin(call: Call[Any, Any]) -> Origin:
    """The calling key and the request's id, as events record them."""
    return Origin(actor=call.caller.key_id, request_id=call.request_id)


def fence(call: Call[Any, Any], *, gives_up: bool = False) -> Fence:
    """The calling key, as its gate let it pass, to be judged once more where its command is committed."""
    return Fence(
        key_id=call.caller.key_id,
        digest=call.digest,
        permission=call.permission,
        time=call.time,
        gives_up=gives_up,
        address=call.address,
        forces=isinstance(call.query, ForceQuery) and call.query.force,
    )


def made_query(body: RevokeKeyBody, now: datetime) -> MadeQuery:
    """Raises Problem `invalid-body`."""
    if body.made_since is not None and body.made_since > now:
        raise Problem("invalid-body", members={"errors": {"/made_since": ["must not be in the future"]}})
    return MadeQuery(since=body.made_since, revoke=body.also_made)


def key_request(body: CreateKeyBody, now: datetime, tier: Limits | None) -> KeyRequest:
    """Raises Problem `invalid-body`."""
    expires_at = _expiry(body.expires_at, body.expires_in, now)
    _check(expires_at, body.limits, now, tier)
    return KeyRequest(
        description=body.as_description(),
        permissions=_sorted(body.permissions),
        expires_at=expires_at,
        allow_query=body.allow_query,
        allowed_addresses=tuple(body.allowed_addresses),
        minute_limit=body.limits.minute,
        day_limit=body.limits.day,
    )


def key_edit(body: EditKeyBody, now: datetime, tier: Limits | None) -> KeyEdit:
    """Raises Problem `invalid-body`."""
    description = _given(body, "name", "description", "labels")
    if "name" in description:
        description["name"] = description["name"].strip()
    access = _given(body, "allow_query", "allowed_addresses")
    if "allowed_addresses" in access:
        access["allowed_addresses"] = tuple(access["allowed_addresses"])
    if body.expires_at is not UNSET or body.expires_in is not None:
        given = None if body.expires_at is UNSET else body.expires_at
        access["expires_at"] = _expiry(given, body.expires_in, now)
    limits = LimitsBody() if body.limits is UNSET else body.limits
    if body.limits is not UNSET:
        access |= {"minute_limit": limits.minute, "day_limit": limits.day}
    _check(access.get("expires_at"), limits, now, tier)
    return KeyEdit(
        description=_change_of_description(description) if description else None,
        permissions=None if body.permissions is UNSET else _sorted(body.permissions),
        access=_change_of_access(access) if access else None,
        regenerate=body.regenerate,
    )


def _given(body: EditKeyBody, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(body, name)) is not UNSET}


def _change_of_description(changes: dict[str, Any]) -> Callable[[Description], Description]:
    return lambda description: replace(description, **changes)


def _change_of_access(changes: dict[str, Any]) -> Callable[[Access], Access]:
    return lambda access: replace(access, **changes)


def _sorted(permissions: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(permissions)))


def _expiry(at: datetime | None, seconds: int | None, now: datetime) -> datetime | None:
    return at if seconds is None else now + timedelta(seconds=seconds)


def _check(expires_at: datetime | None, limits: LimitsBody, now: datetime, tier: Limits | None) -> None:
    errors: dict[str, list[str]] = {}
    if expires_at is not None and not now < expires_at <= now + timedelta(seconds=EXPIRY_SECONDS_MAX):
        errors["/expires_at"] = ["must be in the future, at most ten years ahead"]
    for name, limit, tier_limit in (
        ("minute", limits.minute, tier.minute if tier else None),
        ("day", limits.day, tier.day if tier else None),
    ):
        if limit is not None and tier_limit is not None and limit > tier_limit:
            errors[f"/limits/{name}"] = [f"must not exceed the tier's limit of {tier_limit}"]
    if errors:
        raise Problem("invalid-body", members={"errors": errors})
