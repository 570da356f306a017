"""Management API of keys: the HTTP resources that list, create, show, edit and delete keys.

Rotation, suspension, resumption and revocation are in http/lifecycle_resources.py.
"""

import functools
import re
from dataclasses import replace
from typing import Any

from services.keys.commands.command_handler import CommandHandler
from services.keys.http import lifecycle_resources, organisation_resources, representation
from services.keys.http.command_mapping import check_fixed, fence, key_edit, key_request, origin
from services.keys.http.idempotency import Attempt, Idempotency, StillRunning, Taken, digest_of
from services.keys.http.problem_mapping import as_problems
from services.keys.http.representation import KeyRepresentation
from services.keys.http.request_bodies import CreateKeySchema, EditKeySchema, KeyBody
from services.keys.http.request_queries import (
    AsOfQuery,
    ForceQuery,
    ForceQuerySchema,
    ListQuery,
    ListQuerySchema,
    PastQuerySchema,
)
from services.keys.http.responses import CreatedKeySchema, DeletedKeySchema, EditedKeySchema, KeyListSchema, KeySchema
from services.keys.views.as_of import AsOf, InTheFuture, PastKey
from services.keys.views.queries import KeyQueries
from shared.gate.grants.grants import Grants
from shared.gate.quota.reserve import LISTING, URGENT
from shared.observability.redaction import redact
from shared.runtime.clock import Clock
from shared.web.operation import Answer, Call, operation
from shared.web.pagination import page_answer
from shared.web.problems.catalogue import Problem
from shared.web.requests import cursor
from shared.web.requests.etag import etag, seen_revision
from shared.web.route import Route

_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")


def routes(
    commands: CommandHandler, queries: KeyQueries, as_of: AsOf, idempotency: Idempotency, grants: Grants, clock: Clock
) -> list[Route]:
    """`grants`: the web process's own replica, which has tiers and limits."""
    show = KeyRepresentation(grants)
    return [
        Route("/v1/keys", KeyCollection(commands, queries, idempotency, show, clock)),
        Route("/v1/keys/{key_id}", KeyItem(commands, queries, as_of, show, clock)),
        *lifecycle_resources.routes(commands, queries, show, clock),
        *organisation_resources.routes(commands, queries, grants),
    ]


class KeyCollection:
    def __init__(
        self,
        commands: CommandHandler,
        queries: KeyQueries,
        idempotency: Idempotency,
        show: KeyRepresentation,
        clock: Clock,
    ) -> None:
        self._commands, self._queries, self._show, self._clock = commands, queries, show, clock
        self._idempotency = idempotency

    @operation(
        "List keys",
        tag="Keys",
        permission="admin",
        query=ListQuerySchema,
        answers=KeyListSchema,
        reserve=LISTING,
    )
    def on_get(self, call: Call[ListQuery, None]) -> Answer:
        query = call.query
        after = _place(query.cursor, query.sort) if query.cursor else None
        page = self._queries.list_keys(call.caller.organisation_id, query.limit, after, query.wanted(), query.sort)
        place = page.next_place and (query.sort, *page.next_place)
        return page_answer(map(representation.listed, page.keys), place)

    @operation(
        "Create a key",
        tag="Keys",
        permission="admin",
        body=CreateKeySchema,
        answers=CreatedKeySchema,
        status=201,
        problems=("conflict", "too-many-keys", "beyond-own-bounds"),
        headers=("Idempotency-Key",),
        example={"name": "Railway", "permissions": ["sensors:read"], "labels": {"env": "prod"}, "expires_in": 7776000},
    )
    def on_post(self, call: Call[None, KeyBody]) -> Answer:
        """Repeated with the same Idempotency-Key, it is answered with the key that was created, without its secret."""
        attempt = _attempt(call)
        with as_problems():
            if attempt is None:
                return self._create(call, None)
            with self._idempotency.running(attempt):
                made_id = self._idempotency.find(attempt)
                if made_id is None:
                    try:
                        return self._create(call, attempt)
                    except Taken:
                        made_id = self._idempotency.find(attempt)
                return self._repeat(call.caller.organisation_id, made_id)

    def _create(self, call: Call[None, KeyBody], attempt: Attempt | None) -> Answer:
        organisation_id = call.caller.organisation_id
        request = key_request(call.body, self._clock.now(), self._show.tier_limits(organisation_id))
        also = None if attempt is None else functools.partial(self._idempotency.keep, attempt)
        created = self._commands.behind(fence(call)).create(organisation_id, request, origin(call), also=also)
        shown = self._show(self._queries.get_key(organisation_id, created.key_id))
        body = shown | {"key": created.secret.value, "receipt": representation.receipt(created.receipt)}
        return _created(body)

    def _repeat(self, organisation_id: str, key_id: str | None) -> Answer:
        if key_id is None:
            raise StillRunning
        shown = self._show(self._queries.get_key(organisation_id, key_id))
        receipt = representation.receipt(self._commands.receipts.known())
        return _created(shown | {"key": None, "receipt": receipt}, {"Idempotent-Replay": "true"})


class KeyItem:
    def __init__(
        self, commands: CommandHandler, queries: KeyQueries, as_of: AsOf, show: KeyRepresentation, clock: Clock
    ) -> None:
        self._commands, self._queries, self._as_of = commands, queries, as_of
        self._show, self._clock = show, clock

    @operation(
        "Show a key as it is, or as it was at an earlier time",
        tag="Keys",
        permission="admin",
        query=PastQuerySchema,
        answers=KeySchema,
        problems=("not-found",),
        reserve=LISTING,
    )
    def on_get(self, call: Call[AsOfQuery, None], key_id: str) -> Answer:
        with as_problems():
            past = self._past(call.caller.organisation_id, key_id, call.query)
        return Answer(body=self._show(past.key, past.tier), headers=etag(past.key.revision))

    @operation(
        "Edit a key; adding permissions requires `regenerate`, which ends all older secrets",
        tag="Keys",
        permission="admin",
        query=ForceQuerySchema,
        body=EditKeySchema,
        answers=EditedKeySchema,
        problems=(
            "not-found",
            "conflict",
            "regeneration-required",
            "too-many-keys",
            "precondition-failed",
            "beyond-own-bounds",
            "lock-out",
        ),
        headers=("If-Match",),
    )
    def on_patch(self, call: Call[ForceQuery, KeyBody], key_id: str) -> Answer:
        organisation_id = call.caller.organisation_id
        edit = key_edit(call.body, self._clock.now(), self._show.tier_limits(organisation_id))
        with as_problems():
            if call.body.fixed:
                check_fixed(call.body, self._queries.get_key(organisation_id, key_id))
            edit = replace(edit, revision=seen_revision(call.headers.get("If-Match")))
            changed = self._commands.behind(fence(call)).edit(organisation_id, key_id, edit, origin(call))
            key = self._queries.get_key(organisation_id, key_id)
        body = self._show(key) | {"receipt": changed.receipt and representation.receipt(changed.receipt)}
        if changed.secret is None:
            return Answer(body=body, headers=etag(key.revision))
        return Answer(
            body=body | {"key": changed.secret.value}, headers=etag(key.revision) | {"Cache-Control": "no-store"}
        )

    @operation(
        "Delete a key for good: revoke it if need be, and make its name, description and labels unreadable",
        tag="Keys",
        permission="admin",
        query=ForceQuerySchema,
        answers=DeletedKeySchema,
        problems=("not-found", "lock-out"),
        reserve=URGENT,
    )
    def on_delete(self, call: Call[ForceQuery, None], key_id: str) -> Answer:
        with as_problems():
            commands = self._commands.behind(fence(call))
            deleted_at, receipt = commands.delete(call.caller.organisation_id, key_id, origin(call))
        return Answer(body={"id": key_id, "deleted_at": deleted_at, "receipt": representation.receipt(receipt)})

    def _past(self, organisation_id: str, key_id: str, query: AsOfQuery) -> PastKey:
        if query.revision is not None:
            return self._as_of.at_revision(organisation_id, key_id, query.revision)
        if query.as_of is None:
            return PastKey(key=self._queries.get_key(organisation_id, key_id), tier=None)
        try:
            return self._as_of.at(organisation_id, key_id, query.as_of, self._clock.now())
        except InTheFuture:
            raise Problem("invalid-request", "as_of: must not be in the future") from None


def _created(body: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
    location = {"Location": f"/v1/keys/{body['id']}", "Cache-Control": "no-store"}
    return Answer(status=201, body=body, headers=location | (headers or {}))


def _place(text: str, sort: str) -> tuple[str, str]:
    """The place a cursor stands for. Raises Problem when it is of a list in another order."""
    sorted_by, place, key_id = cursor.decode(text, str, str, str)
    if sorted_by != sort:
        raise Problem("invalid-request", "cursor: comes from a list in another order; start again without a cursor")
    return place, key_id


def _attempt(call: Call[None, KeyBody]) -> Attempt | None:
    given = call.headers.get("Idempotency-Key")
    if given is None:
        return None
    if not _IDEMPOTENCY_KEY.fullmatch(given) or redact(given) != given:
        raise Problem(
            "invalid-request",
            "Idempotency-Key: must be 1 to 255 printable ASCII characters without spaces, and no API key",
        )
    return Attempt(credential=call.caller.key_id, idempotency_key=given, body_digest=digest_of(call.body))
