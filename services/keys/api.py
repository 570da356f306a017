"""Management API of keys: the HTTP resources that list, create, show, edit and delete keys.

Rotation, suspension, resumption and revocation are in http/lifecycle.
"""

from services.keys.commands.command_handler import CommandHandler
from services.keys.http import representation
from services.keys.http.command_mapping import asked, key_edit, key_request
from services.keys.http.key_batch import KeyBatch
from services.keys.http.key_import import KeyImport
from services.keys.http.key_resource import KeyResource
from services.keys.http.lifecycle import lifecycle_routes
from services.keys.http.organisation import organisation_resources
from services.keys.http.problem_mapping import as_problems
from services.keys.http.representation import KeyRepresentation
from services.keys.http.schemas.request_bodies import CreateKeySchema, EditKeySchema, KeyBody
from services.keys.http.schemas.request_queries import (
    AsOfQuery,
    ForceQuery,
    ForceQuerySchema,
    ListQuery,
    ListQuerySchema,
    PastQuerySchema,
)
from services.keys.http.schemas.responses import (
    CreatedKeySchema,
    DeletedKeySchema,
    EditedKeySchema,
    KeyListSchema,
    KeySchema,
)
from services.keys.views.as_of import AsOf, InTheFuture, PastKey
from services.keys.views.listing.key_order import Place
from services.keys.views.queries import KeyQueries
from shared.gate.grants.grants import Grants
from shared.gate.quota.reserve import LISTING, URGENT
from shared.runtime.clock import Clock
from shared.web.merge_patch.read_only import check_fixed
from shared.web.operation import Answer, Call, operation
from shared.web.pagination import page_answer
from shared.web.problems.catalogue import Problem
from shared.web.route import Route


def routes(commands: CommandHandler, queries: KeyQueries, as_of: AsOf, grants: Grants, clock: Clock) -> list[Route]:
    """`grants`: the web process's own replica, which has tiers and limits."""
    show = KeyRepresentation(grants)
    return [
        Route("/v1/keys", KeyCollection(commands, queries, show, clock)),
        Route("/v1/keys/batch", KeyBatch(commands, queries, show, clock)),
        Route("/v1/keys/import", KeyImport(commands, queries, show, clock)),
        Route("/v1/keys/self", OwnKey(queries, show)),
        Route("/v1/keys/{key_id}", KeyItem(commands, queries, show, clock, as_of)),
        *lifecycle_routes.routes(commands, queries, show, clock),
        *organisation_resources.routes(commands, queries, grants),
    ]


class KeyCollection(KeyResource):
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
        place = query.after(str, str, str)
        after = None if place is None else Place(*place)
        page = self._queries.list_keys(call.caller.organisation_id, query.limit, after, query.wanted(), query.sort)
        return page_answer(map(representation.listed, page.keys), page.next_place, query)

    @operation(
        "Create a key",
        tag="Keys",
        permission="admin",
        body=CreateKeySchema,
        answers=CreatedKeySchema,
        status=201,
        problems=("conflict", "too-many-keys", "beyond-own-bounds", "clock-in-doubt"),
        repeated=KeyResource.created_before,
        example={"name": "Railway", "permissions": ["sensors:read"], "labels": {"env": "prod"}, "expires_in": 7776000},
    )
    def on_post(self, call: Call[None, KeyBody]) -> Answer:
        """Repeated with the same Idempotency-Key, it is answered with the key that was created, without its secret."""
        organisation_id = call.caller.organisation_id
        commands = asked(self._commands, call)
        with as_problems():
            with commands.fence_first():
                request = key_request(call.body, self._clock.now(), self._show.tier_limits(organisation_id))
            created = commands.create(organisation_id, request, call.origin)
        return self.created(created.key, created.receipt, created.secret.value)


class KeyItem(KeyResource):
    def __init__(
        self, commands: CommandHandler, queries: KeyQueries, show: KeyRepresentation, clock: Clock, as_of: AsOf
    ) -> None:
        super().__init__(commands, queries, show, clock)
        self._as_of = as_of

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
        return Answer(body=self._show.past(past), revision=past.key.revision)

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
            "beyond-own-bounds",
            "lock-out",
            "clock-in-doubt",
        ),
        conditional=True,
        repeated=KeyResource.renewed_before,
        is_change=lambda body: body.regenerate,
    )
    def on_patch(self, call: Call[ForceQuery, KeyBody], key_id: str) -> Answer:
        organisation_id = call.caller.organisation_id
        edit = key_edit(call.body, self._clock.now(), self._show.tier_limits(organisation_id))
        commands = asked(self._commands, call)
        with as_problems():
            if call.body.fixed:
                with commands.fence_first():
                    check_fixed(call.body.fixed, self._queries.get_key(organisation_id, key_id))
            changed = commands.edit(organisation_id, key_id, edit, call.origin)
        secret = {} if changed.secret is None else {"key": changed.secret.value}
        return self.changed(call, key_id, changed.receipt, **secret)

    @operation(
        "Delete a key for good: revoke it if need be, and make its name, description and labels unreadable",
        tag="Keys",
        permission="admin",
        query=ForceQuerySchema,
        answers=DeletedKeySchema,
        problems=("not-found", "lock-out"),
        reserve=URGENT,
        conditional=True,
    )
    def on_delete(self, call: Call[ForceQuery, None], key_id: str) -> Answer:
        with as_problems():
            commands = asked(self._commands, call)
            deleted_at, receipt = commands.delete(call.caller.organisation_id, key_id, call.origin)
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
