"""HTTP resources that rotate, suspend, resume and revoke keys. Each answers with the receipt of its change."""

from datetime import timedelta
from typing import Any

from services.keys.commands.command_handler import CommandHandler
from services.keys.commands.command_inputs import MADE_IN_A_DAY, MadeQuery, Revocation
from services.keys.http import representation
from services.keys.http.command_mapping import asked, made_query, origin
from services.keys.http.key_resource import KeyResource
from services.keys.http.problem_mapping import as_problems
from services.keys.http.representation import KeyRepresentation
from services.keys.http.schemas.request_bodies import (
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
from services.keys.http.schemas.request_queries import ForceQuery, ForceQuerySchema
from services.keys.http.schemas.responses import (
    ChangedKeySchema,
    KeySchema,
    RevokedKeySchema,
    RevokedKeysSchema,
    RotatedKeySchema,
)
from services.keys.lifecycle.key import Status
from services.keys.views.queries import KeyFilter, KeyQueries, KeyView
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
        Route("/v1/keys/self/revoke", OwnKeyRevocation(commands, queries, show, clock)),
        Route("/v1/keys/self/rotate", OwnKeyRotation(commands, queries, show, clock)),
        Route("/v1/keys/{key_id}/rotate", KeyRotation(commands, queries, show, clock)),
        Route("/v1/keys/{key_id}/suspend", KeySuspension(commands, queries, show, clock)),
        Route("/v1/keys/{key_id}/resume", KeyResumption(commands, queries, show, clock)),
        Route("/v1/keys/{key_id}/revoke", KeyRevocation(commands, queries, show, clock)),
    ]


class _Revocation(KeyResource):
    def _revoked(
        self, call: Call[Any, Any], key_id: str, made: MadeQuery = MADE_IN_A_DAY, *, gives_up: bool = False
    ) -> Answer:
        organisation_id, body = call.caller.organisation_id, call.body
        with as_problems():
            revoke = asked(self._commands, call, gives_up=gives_up).revoke
            revoked = revoke(organisation_id, key_id, body.reason, body.note, origin(call), made)
        return self.changed(call, key_id, revoked.receipt, **representation.made(revoked.made))


class KeyRotation(KeyResource):
    @operation(
        "Give a key a new secret; the old one may keep working for a grace period",
        tag="Keys",
        permission="admin",
        query=ForceQuerySchema,
        body=RotateKeySchema,
        answers=RotatedKeySchema,
        problems=(*_MAY_LOCK_OUT, "too-many-keys", "beyond-own-bounds"),
        conditional=True,
        repeated=KeyResource.renewed_before,
    )
    def on_post(self, call: Call[ForceQuery, RotateKeyBody], key_id: str) -> Answer:
        return self._rotated(call, key_id)

    def _rotated(self, call: Call[ForceQuery, RotateKeyBody], key_id: str) -> Answer:
        organisation_id, grace = call.caller.organisation_id, timedelta(seconds=call.body.grace_seconds)
        with as_problems():
            rotate = asked(self._commands, call).rotate
            rotated = rotate(organisation_id, key_id, grace, origin(call))
        return self.changed(call, key_id, rotated.receipt, key=rotated.secret.value)


class OwnKeyRotation(KeyRotation):
    @operation(
        "Give the calling key itself a new secret; the old one may keep working for a grace period",
        tag="Keys",
        permission=None,
        query=ForceQuerySchema,
        body=RotateKeySchema,
        answers=RotatedKeySchema,
        problems=(*_MAY_LOCK_OUT, "too-many-keys", "beyond-own-bounds"),
        conditional=True,
        repeated=KeyResource.renewed_before,
    )
    def on_post(self, call: Call[ForceQuery, RotateKeyBody]) -> Answer:
        return self._rotated(call, call.caller.key_id)


class KeySuspension(KeyResource):
    @operation(
        "Suspend a key until it is resumed; answers once no gate accepts it",
        tag="Keys",
        permission="admin",
        query=ForceQuerySchema,
        body=NothingSchema,
        answers=ChangedKeySchema,
        problems=_MAY_LOCK_OUT,
        reserve=URGENT,
        conditional=True,
        repeated=KeyResource.suspended_before,
    )
    def on_post(self, call: Call[ForceQuery, None], key_id: str) -> Answer:
        with as_problems():
            suspend = asked(self._commands, call).suspend
            receipt = suspend(call.caller.organisation_id, key_id, origin(call))
        return self.changed(call, key_id, receipt)


class KeyResumption(KeyResource):
    @operation(
        "Resume a suspended key",
        tag="Keys",
        permission="admin",
        body=NothingSchema,
        answers=ChangedKeySchema,
        problems=(*_PROBLEMS, "too-many-keys"),
        conditional=True,
        repeated=KeyResource.resumed_before,
    )
    def on_post(self, call: Call[None, None], key_id: str) -> Answer:
        with as_problems():
            resume = asked(self._commands, call).resume
            receipt = resume(call.caller.organisation_id, key_id, origin(call))
        return self.changed(call, key_id, receipt)


class KeyRevocation(_Revocation):
    @operation(
        "Revoke a key for good, and if asked what it made; answers once no gate will accept it again",
        tag="Keys",
        permission="admin",
        query=ForceQuerySchema,
        body=RevokeKeySchema,
        answers=RevokedKeySchema,
        problems=_MAY_LOCK_OUT,
        reserve=URGENT,
        conditional=True,
        repeated=KeyResource.revoked_before,
    )
    def on_post(self, call: Call[ForceQuery, RevokeKeyBody], key_id: str) -> Answer:
        return self._revoked(call, key_id, made_query(call.body, self._clock.now()))


class OwnKeyRevocation(_Revocation):
    @operation(
        "Revoke the calling key itself, for good",
        tag="Keys",
        permission=None,
        body=GiveUpSchema,
        answers=RevokedKeySchema,
        problems=_PROBLEMS,
        reserve=URGENT,
        gives_up=True,
        conditional=True,
        repeated=KeyResource.revoked_before,
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
        return Answer(body=self._show(key), revision=key.revision)


def _revoked_before(resource: "KeysRevocation", call: Call[ForceQuery, RevokeKeysBody], subject: str) -> Answer:
    return resource.revoked_before(call, subject)


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
        repeated=_revoked_before,
        is_change=lambda body: not body.dry_run,
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
            commands = asked(self._commands, call)
            revoked = commands.revoke_all(organisation_id, ids, body.reason, body.note, origin(call), query)
        return _answer(
            call, self._queries.all_keys(organisation_id, KeyFilter(ids=ids)), representation.revocation(revoked)
        )

    def revoked_before(self, call: Call[ForceQuery, RevokeKeysBody], subject: str) -> Answer:
        """The same keys again, but for deleted ones, and none that has come to meet the description since."""
        ids = tuple(subject.split())
        made = self._commands.revoker.told(ids, made_query(call.body, self._clock.now()))
        revocation = Revocation(receipt=self._commands.receipts.certain(), made=made)
        found = self._queries.all_keys(call.caller.organisation_id, KeyFilter(ids=ids))
        return _answer(call, found, representation.revocation(revocation))

    def _find(self, organisation_id: str, body: RevokeKeysBody) -> tuple[KeyView, ...]:
        """Keys named by id, revoked or not; or by label or age, those not revoked. Raises Problem for an unknown id."""
        if body.ids is not None:
            found = self._queries.all_keys(organisation_id, KeyFilter(ids=tuple(body.ids)))
            known = {key.id for key in found}
            errors = {f"/ids/{at}": ["no such key"] for at, key_id in enumerate(body.ids) if key_id not in known}
            if errors:
                raise Problem("invalid-body", members={"errors": errors})
            return found
        not_revoked = tuple(status for status in Status if status is not Status.REVOKED)
        labels = (label_of(body.label),) if body.label else ()
        wanted = KeyFilter(statuses=not_revoked, labels=labels, created_before=body.created_before)
        return self._queries.all_keys(organisation_id, wanted)


def _answer(call: Call[Any, Any], keys: tuple[KeyView, ...], outcome: dict[str, Any]) -> Answer:
    data = [representation.listed(key) | {"is_caller": key.id == call.caller.key_id} for key in keys]
    return Answer(body={"data": data, "dry_run": outcome["receipt"] is None} | outcome)
