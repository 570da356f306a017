"""The management API of keys: the HTTP door."""

from datetime import datetime, timedelta
from typing import Any

from services.keys import presentation
from services.keys.command import Commands, KeyRequest
from services.keys.key import NoSuchKey
from services.keys.queries import KeyView, Queries
from services.keys.schema import (
    EXPIRY_SECONDS_MAX,
    CreatedKeySchema,
    CreateKeyBody,
    CreateKeySchema,
    KeyListSchema,
    KeySchema,
    ListQuery,
    ListQuerySchema,
    RevokedKeySchema,
    RevokeKeyBody,
    RevokeKeySchema,
)
from shared.clock import Clock
from shared.gate.grants import Grants, Limits
from shared.repository import Origin
from shared.web import cursor
from shared.web.operation import Answer, Call, operation
from shared.web.problems import Problem
from shared.web.route import Route


def routes(commands: Commands, queries: Queries, grants: Grants, clock: Clock) -> list[Route]:
    """`grants`: the web process's own replica, which knows tiers and limits."""
    show = _Details(grants)
    return [
        Route("/v1/keys", KeyCollection(commands, queries, show, clock)),
        Route("/v1/keys/{key_id}", KeyItem(queries, show)),
        Route("/v1/keys/{key_id}/revoke", KeyRevocation(commands, queries, show)),
    ]


class KeyCollection:
    def __init__(self, commands: Commands, queries: Queries, show: "_Details", clock: Clock) -> None:
        self._commands, self._queries, self._show, self._clock = commands, queries, show, clock

    @operation("List keys", tag="Keys", permission="admin", query=ListQuerySchema, answers=KeyListSchema)
    def on_get(self, call: Call[ListQuery, None]) -> Answer:
        after = cursor.decode(call.query.cursor, 2) if call.query.cursor else None
        page = self._queries.list_keys(call.caller.organisation_id, call.query.limit, after)  # type: ignore[arg-type]
        next_cursor = cursor.encode(*page.next_place) if page.next_place else None
        return Answer(body={"data": [presentation.listed(key) for key in page.keys], "next_cursor": next_cursor})

    @operation(
        "Create a key",
        tag="Keys",
        permission="admin",
        body=CreateKeySchema,
        answers=CreatedKeySchema,
        status=201,
        problems=("invalid-body", "body-too-large", "unsupported-media-type"),
    )
    def on_post(self, call: Call[None, CreateKeyBody]) -> Answer:
        request = _key_request(call.body, self._clock.now(), self._show.tier_limits(call.caller.organisation_id))
        created = self._commands.create(call.caller.organisation_id, request, _origin(call))
        shown = self._show(self._queries.get_key(call.caller.organisation_id, created.key_id))
        body = shown | {"key": created.secret.value, "receipt": presentation.receipt(created.receipt)}
        location = f"/v1/keys/{created.key_id}"
        return Answer(status=201, body=body, headers={"Location": location, "Cache-Control": "no-store"})


class KeyItem:
    def __init__(self, queries: Queries, show: "_Details") -> None:
        self._queries, self._show = queries, show

    @operation("Show a key", tag="Keys", permission="admin", answers=KeySchema, problems=("not-found",))
    def on_get(self, call: Call[None, None], key_id: str) -> Answer:
        key = _or_not_found(self._queries, call.caller.organisation_id, key_id)
        return Answer(body=self._show(key), headers={"ETag": f'"{key.revision}"'})


class KeyRevocation:
    def __init__(self, commands: Commands, queries: Queries, show: "_Details") -> None:
        self._commands, self._queries, self._show = commands, queries, show

    @operation(
        "Revoke a key, for good; answers when no gate will pass it again",
        tag="Keys",
        permission="admin",
        body=RevokeKeySchema,
        answers=RevokedKeySchema,
        problems=("not-found", "invalid-body", "body-too-large", "unsupported-media-type"),
    )
    def on_post(self, call: Call[None, RevokeKeyBody], key_id: str) -> Answer:
        organisation_id, body = call.caller.organisation_id, call.body
        try:
            receipt = self._commands.revoke(organisation_id, key_id, body.reason, body.note, _origin(call))
        except NoSuchKey:
            raise Problem("not-found") from None
        shown = self._show(self._queries.get_key(organisation_id, key_id))
        return Answer(body=shown | {"receipt": presentation.receipt(receipt)})


class _Details:
    """A key in full, with the tier and the limits in force that this process's gate applies."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    def __call__(self, key: KeyView) -> dict[str, Any]:
        tier = self.tier_limits(key.organisation_id)
        limits = tier and tier.lowered(key.minute_limit, key.day_limit)
        return presentation.detailed(key, self._grants.tier(key.organisation_id), limits)

    def tier_limits(self, organisation_id: str) -> Limits | None:
        return self._grants.policy.get(self._grants.tier(organisation_id) or "")


def _origin(call: Call[Any, Any]) -> Origin:
    return Origin(actor=call.caller.key_id, request_id=call.request_id)


def _or_not_found(queries: Queries, organisation_id: str, key_id: str) -> KeyView:
    try:
        return queries.get_key(organisation_id, key_id)
    except NoSuchKey:
        raise Problem("not-found") from None


def _key_request(body: CreateKeyBody, now: datetime, tier: Limits | None) -> KeyRequest:
    """What only the present moment and the tier can judge of a body. Raises Problem `invalid-body`."""
    expires_at = body.expires_at
    if body.expires_in is not None:
        expires_at = now + timedelta(seconds=body.expires_in)
    errors: dict[str, list[str]] = {}
    if expires_at is not None and not now < expires_at <= now + timedelta(seconds=EXPIRY_SECONDS_MAX):
        errors["/expires_at"] = ["must lie in the future, ten years ahead at most"]
    for name, own, most in (
        ("minute", body.limits.minute, tier.minute if tier else None),
        ("day", body.limits.day, tier.day if tier else None),
    ):
        if own is not None and most is not None and own > most:
            errors[f"/limits/{name}"] = [f"must not exceed the tier's {most}"]
    if errors:
        raise Problem("invalid-body", members={"errors": errors})
    return KeyRequest(
        words=body.words(),
        permissions=tuple(sorted(set(body.permissions))),
        expires_at=expires_at,
        allow_query=body.allow_query,
        allowed_addresses=tuple(body.allowed_addresses),
        minute_limit=body.limits.minute,
        day_limit=body.limits.day,
    )
