"""HTTP resources that rotate, suspend, resume and revoke keys. Each answers with the receipt of its change."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from services.keys.commands.command_handler import CommandHandler
from services.keys.commands.command_inputs import MADE_IN_A_DAY, MadeQuery
from services.keys.http import representation
from services.keys.http.command_mapping import fence, made_query, origin
from services.keys.http.problem_mapping import as_problems
from services.keys.http.representation import KeyRepresentation
from services.keys.http.request_bodies import (
    IDS_MAX,
    GiveUpBody,
    GiveUpSchema,
    NothingSchema,
    RevokeKeyBody,
    RevokeKeysBody,
    RevokeKeySchema,
    RevokeKeysSchema,
    RotateKeyBody,
    RotateKeySchema,
)
from services.keys.http.request_queries import ForceQuery, ForceQuerySchema
from services.keys.http.responses import (
    ChangedKeySchema,
    KeySchema,
    RevokedKeySchema,
    RevokedKeysSchema,
    RotatedKeySchema,
)
from services.keys.lifecycle.key import Status
from services.keys.revocation.propagation import Receipt
from services.keys.views.queries import KeyFilter, KeyQueries, KeyView
from shared.eventsourcing.origin import Origin
from shared.gate.quota.reserve import LISTING, URGENT
from shared.runtime.clock import Clock
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import Problem
from shared.web.requests.texts import label_of
from shared.web.route import Route

_PROBLEMS = ("not-found", "conflict")
_MAY_LOCK_OUT = (*_PROBLEMS, "lock-out")


def routes(commands: CommandHandler, queries: KeyQueries, show: KeyRepresentation, clock: Clock) -> list[Route]:
    return [
        Route("/v1/keys/revoke", KeysRevocation(commands, queries, clock)),
        Route("/v1/keys/self", OwnKey(queries, show)),
        Route("/v1/keys/self/revoke", OwnKeyRevocation(commands, queries, show)),
        Route("/v1/keys/{key_id}/rotate", KeyRotation(commands, queries, show)),
        Route("/v1/keys/{key_id}/suspend", KeySuspension(commands, queries, show)),
        Route("/v1/keys/{key_id}/resume", KeyResumption(commands, queries, show)),
        Route("/v1/keys/{key_id}/revoke", KeyRevocation(commands, queries, show, clock)),
    ]


class _KeyChangeResource:
    def __init__(self, commands: CommandHandler, queries: KeyQueries, show: KeyRepresentation) -> None:
        self._commands, self._queries, self._show = commands, queries, show

    def _answer(self, call: Call[Any, Any], key_id: str, change: Callable[[str, Origin], Receipt]) -> Answer:
        """Executes `change(organisation_id, origin)`, and answers with the key and the receipt."""
        organisation_id = call.caller.organisation_id
        with as_problems():
            receipt = change(organisation_id, origin(call))
            shown = self._show(self._queries.get_key(organisation_id, key_id))
        return Answer(body=shown | {"receipt": representation.receipt(receipt)})

    def _revoked(
        self, call: Call[Any, Any], key_id: str, made: MadeQuery = MADE_IN_A_DAY, *, gives_up: bool = False
    ) -> Answer:
        organisation_id, body = call.caller.organisation_id, call.body
        with as_problems():
            revoke = self._commands.behind(fence(call, gives_up=gives_up)).revoke
            revoked = revoke(organisation_id, key_id, body.reason, body.note, origin(call), made)
            shown = self._show(self._queries.get_key(organisation_id, key_id))
        return Answer(body=shown | representation.revocation(revoked))


class KeyRotation(_KeyChangeResource):
    @operation(
        "Give a key a new secret; the old one may keep working for a grace period",
        tag="Keys",
        permission="admin",
        query=ForceQuerySchema,
        body=RotateKeySchema,
        answers=RotatedKeySchema,
        problems=(*_MAY_LOCK_OUT, "too-many-keys", "beyond-own-bounds"),
    )
    def on_post(self, call: Call[ForceQuery, RotateKeyBody], key_id: str) -> Answer:
        organisation_id, grace = call.caller.organisation_id, timedelta(seconds=call.body.grace_seconds)
        with as_problems():
            changed = self._commands.behind(fence(call)).rotate(organisation_id, key_id, grace, origin(call))
            shown = self._show(self._queries.get_key(organisation_id, key_id))
        body = shown | {"key": changed.secret.value, "receipt": representation.receipt(changed.receipt)}
        return Answer(body=body, headers={"Cache-Control": "no-store"})


class KeySuspension(_KeyChangeResource):
    @operation(
        "Suspend a key until it is resumed; answers once no gate accepts it",
        tag="Keys",
        permission="admin",
        query=ForceQuerySchema,
        body=NothingSchema,
        answers=ChangedKeySchema,
        problems=_MAY_LOCK_OUT,
        reserve=URGENT,
    )
    def on_post(self, call: Call[ForceQuery, None], key_id: str) -> Answer:
        suspend = self._commands.behind(fence(call)).suspend
        return self._answer(call, key_id, lambda organisation_id, by: suspend(organisation_id, key_id, by))


class KeyResumption(_KeyChangeResource):
    @operation(
        "Resume a suspended key",
        tag="Keys",
        permission="admin",
        body=NothingSchema,
        answers=ChangedKeySchema,
        problems=(*_PROBLEMS, "too-many-keys"),
    )
    def on_post(self, call: Call[None, None], key_id: str) -> Answer:
        resume = self._commands.behind(fence(call)).resume
        return self._answer(call, key_id, lambda organisation_id, by: resume(organisation_id, key_id, by))


class KeyRevocation(_KeyChangeResource):
    def __init__(self, commands: CommandHandler, queries: KeyQueries, show: KeyRepresentation, clock: Clock) -> None:
        super().__init__(commands, queries, show)
        self._clock = clock

    @operation(
        "Revoke a key for good, and if asked what it made; answers once no gate will accept it again",
        tag="Keys",
        permission="admin",
        query=ForceQuerySchema,
        body=RevokeKeySchema,
        answers=RevokedKeySchema,
        problems=_MAY_LOCK_OUT,
        reserve=URGENT,
    )
    def on_post(self, call: Call[ForceQuery, RevokeKeyBody], key_id: str) -> Answer:
        return self._revoked(call, key_id, made_query(call.body, self._clock.now()))


class OwnKeyRevocation(_KeyChangeResource):
    @operation(
        "Revoke the calling key itself, for good",
        tag="Keys",
        permission=None,
        body=GiveUpSchema,
        answers=RevokedKeySchema,
        problems=_PROBLEMS,
        reserve=URGENT,
        gives_up=True,
    )
    def on_post(self, call: Call[None, GiveUpBody]) -> Answer:
        return self._revoked(call, call.caller.key_id, gives_up=True)


class OwnKey:
    def __init__(self, queries: KeyQueries, show: KeyRepresentation) -> None:
        self._queries, self._show = queries, show

    @operation(
        "Show the calling key",
        tag="Keys",
        permission=None,
        answers=KeySchema,
        problems=("not-found",),
        reserve=LISTING,
    )
    def on_get(self, call: Call[None, None]) -> Answer:
        with as_problems():
            key = self._queries.get_key(call.caller.organisation_id, call.caller.key_id)
        return Answer(body=self._show(key), headers={"ETag": f'"{key.revision}"'})


class KeysRevocation:
    def __init__(self, commands: CommandHandler, queries: KeyQueries, clock: Clock) -> None:
        self._commands, self._queries, self._clock = commands, queries, clock

    @operation(
        "Revoke many keys at once, or list which ones would be",
        tag="Keys",
        permission="admin",
        query=ForceQuerySchema,
        body=RevokeKeysSchema,
        answers=RevokedKeysSchema,
        problems=_MAY_LOCK_OUT,
        reserve=URGENT,
    )
    def on_post(self, call: Call[ForceQuery, RevokeKeysBody]) -> Answer:
        organisation_id, body = call.caller.organisation_id, call.body
        found, query = self._find(organisation_id, body), made_query(body, self._clock.now())
        ids = tuple(key.id for key in found)
        if body.dry_run:
            return _answer(
                call, found, {"receipt": None} | representation.made(self._commands.revoker.told(ids, query))
            )
        with as_problems():
            commands = self._commands.behind(fence(call))
            revoked = commands.revoke_all(organisation_id, ids, body.reason, body.note, origin(call), query)
        return _answer(call, self._all(organisation_id, KeyFilter(ids=ids)), representation.revocation(revoked))

    def _find(self, organisation_id: str, body: RevokeKeysBody) -> tuple[KeyView, ...]:
        """Keys named by id, revoked or not; or by label or age, those not revoked. Raises Problem for an unknown id."""
        if body.ids is not None:
            found = self._all(organisation_id, KeyFilter(ids=tuple(body.ids)))
            known = {key.id for key in found}
            errors = {f"/ids/{at}": ["no such key"] for at, key_id in enumerate(body.ids) if key_id not in known}
            if errors:
                raise Problem("invalid-body", members={"errors": errors})
            return found
        not_revoked = tuple(status for status in Status if status is not Status.REVOKED)
        labels = (label_of(body.label),) if body.label else ()
        wanted = KeyFilter(statuses=not_revoked, labels=labels, created_before=body.created_before)
        return self._all(organisation_id, wanted)

    def _all(self, organisation_id: str, wanted: KeyFilter) -> tuple[KeyView, ...]:
        keys: tuple[KeyView, ...] = ()
        place: tuple[str, str] | None = None
        while True:
            page = self._queries.list_keys(organisation_id, IDS_MAX, place, wanted)
            keys, place = keys + page.keys, page.next_place
            if place is None:
                return keys


def _answer(call: Call[Any, Any], keys: tuple[KeyView, ...], outcome: dict[str, Any]) -> Answer:
    data = [representation.listed(key) | {"is_caller": key.id == call.caller.key_id} for key in keys]
    return Answer(body={"data": data, "dry_run": outcome["receipt"] is None} | outcome)
