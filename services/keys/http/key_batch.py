"""Resources that create many keys in one request, or import them: all of them with one receipt, or none."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from services.keys.commands.command_inputs import ImportRequest, KeyRequest
from services.keys.http import representation
from services.keys.http.command_mapping import asked, key_request, origin
from services.keys.http.key_resource import ONCE, KeyResource
from services.keys.http.problem_mapping import as_problems, of_keys
from services.keys.http.schemas.request_bodies import (
    CreateKeysBody,
    CreateKeysSchema,
    ImportedKeyBody,
    ImportKeysBody,
    ImportKeysSchema,
    KeyBody,
)
from services.keys.http.schemas.responses import CreatedKeysSchema, ImportedKeysSchema
from services.keys.lifecycle.key import settings
from services.keys.revocation.propagation import Receipt
from services.keys.views.listing.key_filter import KeyFilter
from services.keys.views.queries import KeyView
from shared.gate.grants.grant import Limits
from shared.values.key_forms import lets_any_in
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import Problem

BODY_BYTES_MAX = 512 * 1024
IMPORT_BYTES_MAX = 1024 * 1024
_Body = TypeVar("_Body")
_PROBLEMS = ("conflict", "too-many-keys", "beyond-own-bounds")


def _created_before(resource: "KeyBatch", call: Call[None, CreateKeysBody], subject: str) -> Answer:
    return resource.created_before_all(call, subject)


def _imported_before(resource: "KeyImport", call: Call[None, ImportKeysBody], subject: str) -> Answer:
    return resource.imported_before(call, subject)


class _ManyKeys(KeyResource):
    def _requests(
        self,
        organisation_id: str,
        bodies: Sequence[_Body],
        request: Callable[[_Body, datetime, Limits | None], KeyRequest],
    ) -> tuple[KeyRequest, ...]:
        """Raises Problem, which names each fault by its place."""
        now, tier = self._clock.now(), self._show.tier_limits(organisation_id)
        requests: list[KeyRequest] = []
        problems: dict[int, Problem] = {}
        for at, body in enumerate(bodies):
            try:
                requests.append(request(body, now, tier))
            except Problem as problem:
                problems[at] = problem
        if problems:
            raise of_keys(problems)
        return tuple(requests)

    def _found(self, organisation_id: str, ids: Sequence[str]) -> list[KeyView]:
        """In this order, without those that are deleted."""
        found = {key.id: key for key in self._queries.all_keys(organisation_id, KeyFilter(ids=tuple(ids)))}
        return [found[key_id] for key_id in ids if key_id in found]


class KeyBatch(_ManyKeys):
    @operation(
        "Create up to 100 keys: all of them in one step and with one receipt, or none",
        tag="Keys",
        permission="admin",
        body=CreateKeysSchema,
        answers=CreatedKeysSchema,
        status=201,
        problems=_PROBLEMS,
        repeated=_created_before,
        name="createKeys",
        body_bytes_max=BODY_BYTES_MAX,
        example={
            "keys": [
                {"name": "Railway, north", "permissions": ["sensors:read"], "expires_in": 7776000},
                {"name": "Railway, south", "permissions": ["sensors:read"], "expires_in": 7776000},
            ]
        },
    )
    def on_post(self, call: Call[None, CreateKeysBody]) -> Answer:
        """Each fault is named by its place in the request. Repeated with the same Idempotency-Key, it is answered with
        the keys that were created, without their secrets."""
        organisation_id, commands = call.caller.organisation_id, asked(self._commands, call)
        with as_problems():
            with commands.fence_first():
                requests = self._requests(organisation_id, call.body.keys, key_request)
            created = commands.create_all(organisation_id, requests, origin(call))
        secrets = {key_id: None if secret is None else secret.value for key_id, secret in created.made}
        return self._created(organisation_id, secrets, created.receipt)

    def created_before_all(self, call: Call[None, CreateKeysBody], subject: str) -> Answer:
        receipt = self._commands.receipts.known()
        return self._created(call.caller.organisation_id, dict.fromkeys(subject.split()), receipt)

    def _created(self, organisation_id: str, secrets: Mapping[str, str | None], receipt: Receipt) -> Answer:
        found = self._found(organisation_id, tuple(secrets))
        data: list[dict[str, Any]] = [self._show(key) | {"key": secrets[key.id]} for key in found]
        return Answer(status=201, body={"data": data, "receipt": representation.receipt(receipt)}, headers=ONCE)


class KeyImport(_ManyKeys):
    @operation(
        "Import up to 1,000 keys that another system made, by the digests of their secrets: all of them, or none",
        tag="Keys",
        permission="admin",
        body=ImportKeysSchema,
        answers=ImportedKeysSchema,
        status=201,
        problems=_PROBLEMS,
        repeated=_imported_before,
        name="importKeys",
        body_bytes_max=IMPORT_BYTES_MAX,
        example={
            "keys": [
                {
                    "sha256": "65787a4c2ac40b29e4b1af2c9d1b0a5b4ed0c8d8b4cf18a2d3b4b4f4a3f9c8de",
                    "name": "Railway, north",
                    "permissions": ["sensors:read"],
                }
            ]
        },
    )
    def on_post(self, call: Call[None, ImportKeysBody]) -> Answer:
        """Their holders go on sending them. Each fault is named by its place in the request."""
        organisation_id, commands = call.caller.organisation_id, asked(self._commands, call)
        with as_problems():
            with commands.fence_first():
                if not lets_any_in():
                    raise Problem("conflict", "no other system's keys are let in: the operator sets FOREIGN_KEY_FORMS")
                requests = self._requests(organisation_id, call.body.keys, _import_request)
            created = commands.create_all(organisation_id, requests, origin(call))
        return self._imported(organisation_id, [key_id for key_id, _ in created.made], created.receipt)

    def imported_before(self, call: Call[None, ImportKeysBody], subject: str) -> Answer:
        return self._imported(call.caller.organisation_id, subject.split(), self._commands.receipts.known())

    def _imported(self, organisation_id: str, ids: Sequence[str], receipt: Receipt) -> Answer:
        data = [self._show(key) for key in self._found(organisation_id, ids)]
        return Answer(status=201, body={"data": data, "receipt": representation.receipt(receipt)})


def _import_request(body: ImportedKeyBody, now: datetime, tier: Limits | None) -> ImportRequest:
    request = key_request(KeyBody(given=body.given), now, tier)
    return ImportRequest(
        digest=body.sha256,
        description=request.description,
        permissions=request.permissions,
        never_expires=request.never_expires,
        **settings(request),
    )
