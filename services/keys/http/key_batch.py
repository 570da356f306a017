"""Resource that creates many keys in one request: all of them with one receipt, or none."""

from collections.abc import Sequence

from services.keys.http.command_mapping import asked, key_request
from services.keys.http.key_resource import ONCE
from services.keys.http.many_keys import PROBLEMS, ManyKeys, all_of
from services.keys.http.problem_mapping import as_problems
from services.keys.http.schemas.request_bodies import CreateKeysBody, CreateKeysSchema
from services.keys.http.schemas.responses import CreatedKeysSchema
from services.keys.revocation.propagation import Receipt
from services.keys.secret import Secret
from services.keys.views.queries import KeyView
from shared.web.operation import Answer, Call, operation

BODY_BYTES_MAX = 512 * 1024


class KeyBatch(ManyKeys):
    def created_before_all(self, call: Call[None, CreateKeysBody], subject: str) -> Answer:
        receipt = self._commands.receipts.known()
        keys = self.found(call.caller.organisation_id, subject.split())
        return self._created_all([(key, None) for key in keys], receipt)

    @operation(
        "Create up to 100 keys: all of them in one step and with one receipt, or none",
        tag="Keys",
        permission="admin",
        body=CreateKeysSchema,
        answers=CreatedKeysSchema,
        status=201,
        problems=PROBLEMS,
        repeated=created_before_all,
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
        """Each fault is named by its place in the request; that they are too many is said once nothing else is wrong. A
        body is 512 KiB at most. Repeated with the same Idempotency-Key, it is answered with
        the keys that were created, without their secrets."""
        organisation_id, commands = call.caller.organisation_id, asked(self._commands, call)
        with as_problems():
            with commands.fence_first():
                requests = self.requests(organisation_id, call.body.keys, key_request)
            created = commands.create_all(organisation_id, requests, call.origin)
        return self._created_all(created.made, created.receipt)

    def _created_all(self, made: Sequence[tuple[KeyView, Secret | None]], receipt: Receipt) -> Answer:
        data = [self._show(key) | {"key": secret and secret.value} for key, secret in made]
        return Answer(status=201, body=all_of(data, receipt), headers=ONCE)
