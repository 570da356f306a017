"""Mapping from HTTP bodies to the commands' inputs.

Checks here what a schema cannot: expiry against the present moment, limits against the caller's tier.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from services.keys.commands.command_handler import CommandHandler
from services.keys.commands.command_inputs import KeyEdit, KeyRequest, MadeQuery
from services.keys.encryption.description import Description
from services.keys.http.schemas.members import LABELS_MAX, cleared
from services.keys.http.schemas.request_bodies import EXPIRY_SECONDS_MAX, KeyBody, RevokeKeyBody
from services.keys.http.schemas.request_queries import ForceQuery
from services.keys.lifecycle.key import SETTINGS, Access, settings
from services.keys.revocation.fence import Fence
from shared.gate.grants.grant import Limits
from shared.values.names import NotAName, as_name, composed, visible
from shared.web.merge_patch.merging import merge_patch
from shared.web.operation import Call
from shared.web.problems.catalogue import Problem

_WORDS = ("name", "description", "labels")
_ACCESS = ("expires_at", "expires_in", "allow_query", "allowed_addresses", "limits", "networks")
_LIMITS = {"minute": "minute_limit", "day": "day_limit"}
_Errors = dict[str, list[str]]  # JSON pointer → what is wrong there
_EXPIRY_MAX = timedelta(seconds=EXPIRY_SECONDS_MAX)


def asked(commands: CommandHandler, call: Call[Any, Any], *, gives_up: bool = False) -> CommandHandler:
    """The commands on the terms of this call: the calling key, as its gate let it pass, to be judged once more where
    its command is committed, and what the request's conditions ask for there.
    """
    fence = Fence(
        key_id=call.caller.key_id,
        digest=call.digest,
        permission=call.permission,
        time=call.time,
        gives_up=gives_up,
        address=call.address,
        forces=isinstance(call.query, ForceQuery) and call.query.force,
    )
    return commands.behind(fence, call.seen, call.keep)


def made_query(body: RevokeKeyBody, now: datetime) -> MadeQuery:
    """Raises Problem `invalid-body`."""
    if body.made_since is not None and body.made_since > now:
        raise Problem("invalid-body", members={"errors": {"/made_since": ["must not be in the future"]}})
    return MadeQuery(since=body.made_since, revoke=body.also_made)


def key_request(body: KeyBody, now: datetime, tier: Limits | None) -> KeyRequest:
    """Raises Problem `invalid-body`."""
    permissions = _sorted(body.given["permissions"])
    nothing, unlimited = Description(name=""), Access(allow_query="admin" not in permissions)
    access = _merged_access(unlimited, body.given, now)
    description, errors = _merged_description(nothing, body.given)
    _raise_any(errors | _errors_of(access, unlimited, now, tier))
    return KeyRequest(
        description=description,
        permissions=permissions,
        never_expires="expires_at" in body.given and access.expires_at is None,
        **settings(access),
    )


def key_edit(body: KeyBody, now: datetime, tier: Limits | None) -> KeyEdit:
    """Judges what comes of the merge where the key is known: its functions raise Problem `invalid-body`."""

    def access(before: Access) -> Access:
        after = _merged_access(before, body.given, now)
        _raise_any(_errors_of(after, before, now, tier))
        return after

    def description(before: Description) -> Description:
        after, errors = _merged_description(before, body.given)
        _raise_any(errors)
        return after

    given = body.given
    return KeyEdit(
        description=description if _names_any(given, _WORDS) else None,
        permissions=_sorted(given["permissions"]) if "permissions" in given else None,
        access=access if _names_any(given, _ACCESS) else None,
        regenerate=body.regenerate,
    )


def _merged_description(before: Description, given: Mapping[str, Any]) -> tuple[Description, _Errors]:
    document = {name: getattr(before, name) for name in _WORDS}
    merged = cleared(merge_patch(document, {name: given[name] for name in _WORDS if name in given}))
    errors: _Errors = {}
    if len(merged["labels"]) > LABELS_MAX:
        errors["/labels"] = [f"a key has at most {LABELS_MAX} labels"]

    def kept(text: str, known: str | None, form: Callable[[str], str], pointer: str) -> str:
        try:
            return text if text == known else form(text)
        except NotAName as fault:
            errors[pointer] = [str(fault)]
            return text

    labels = {
        name: kept(value, before.labels.get(name), visible, f"/labels/{name.replace('/', '~1')}")
        for name, value in merged["labels"].items()
    }
    name = kept(merged["name"], before.name, as_name, "/name")
    description = kept(merged["description"], before.description, composed, "/description")
    return Description(name=name, description=description, labels=labels), errors


def _merged_access(before: Access, given: Mapping[str, Any], now: datetime) -> Access:
    document = settings(before) | {"limits": {name: getattr(before, limit) for name, limit in _LIMITS.items()}}
    patch = {name: given[name] for name in _ACCESS if name in given}
    if "expires_in" in given:
        patch = patch | {"expires_at": now + timedelta(seconds=given["expires_in"])}
    merged = cleared(merge_patch(document, patch))
    limits = {limit: merged["limits"].get(name) for name, limit in _LIMITS.items()}
    wanted = {name: value for name, value in merged.items() if name in SETTINGS} | limits
    networks = None if wanted["networks"] is None else _sorted(wanted["networks"])
    return Access(**wanted | {"allowed_addresses": tuple(wanted["allowed_addresses"]), "networks": networks})


def _names_any(given: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    return any(name in given for name in names)


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _errors_of(after: Access, before: Access, now: datetime, tier: Limits | None) -> _Errors:
    """Bounds of what changes; what stays is not judged again."""
    errors: _Errors = {}
    expires_at = after.expires_at
    if expires_at not in (None, before.expires_at) and not now < expires_at <= now + _EXPIRY_MAX:
        errors["/expires_at"] = ["must be in the future, at most ten years ahead"]
    for name, limit_name in _LIMITS.items():
        limit, tier_limit = getattr(after, limit_name), getattr(tier, name, None)
        if limit not in (None, getattr(before, limit_name)) and tier_limit is not None and limit > tier_limit:
            errors[f"/limits/{name}"] = [f"must not exceed the tier's limit of {tier_limit}"]
    return errors


def _raise_any(errors: _Errors) -> None:
    if errors:
        raise Problem("invalid-body", members={"errors": errors})
