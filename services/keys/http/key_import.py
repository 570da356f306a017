"""Resource that imports keys that another system made, by the digests of their secrets: all of them, or none."""

from collections.abc import Sequence
from datetime import datetime

from services.keys.commands.command_inputs import ImportRequest
from services.keys.http.command_mapping import asked, key_request
from services.keys.http.many_keys import PROBLEMS, ManyKeys, all_of
from services.keys.http.problem_mapping import as_problems
from services.keys.http.schemas.request_bodies import ImportedKeyBody, ImportKeysBody, ImportKeysSchema, KeyBody
from services.keys.http.schemas.responses import ImportedKeysSchema
from services.keys.lifecycle.key import settings
from services.keys.revocation.propagation import Receipt
from services.keys.views.queries import KeyView
from shared.gate.grants.grant import Limits
from shared.values.key_forms import lets_any_in
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import Problem

BODY_BYTES_MAX = 1024 * 1024


class KeyImport(ManyKeys):
    def imported_before(self, call: Call[None, ImportKeysBody], subject: str) -> Answer:
        keys = self.found(call.caller.organisation_id, subject.split())
        return self._imported(keys, self._commands.receipts.known())

    @operation(
        "Import up to 1,000 keys that another system made, by the digests of their secrets: all of them, or none",
        tag="Keys",
        permission="admin",
        body=ImportKeysSchema,
        answers=ImportedKeysSchema,
        status=201,
        problems=PROBLEMS,
        repeated=imported_before,
        name="importKeys",
        body_bytes_max=BODY_BYTES_MAX,
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
        """Their holders go on sending the secrets that they have, in the forms that the operator lets in. Each fault is
        named by its place in the request; a digest that a key has or ever had is one, whosever that key is. A body is
        1 MiB at most. Rotate such a key, and it gets a secret of our own."""
        organisation_id, commands = call.caller.organisation_id, asked(self._commands, call)
        with as_problems():
            with commands.fence_first():
                if not lets_any_in():
                    raise Problem("conflict", "no other system's keys are let in: the operator sets FOREIGN_KEY_FORMS")
                requests = self.requests(organisation_id, call.body.keys, _import_request)
            created = commands.create_all(organisation_id, requests, call.origin)
        return self._imported([key for key, _ in created.made], created.receipt)

    def _imported(self, keys: Sequence[KeyView], receipt: Receipt) -> Answer:
        return Answer(status=201, body=all_of([self._show(key) for key in keys], receipt))


def _import_request(body: ImportedKeyBody, now: datetime, tier: Limits | None) -> ImportRequest:
    request = key_request(KeyBody(given=body.given), now, tier)
    return ImportRequest(
        digest=body.sha256,
        description=request.description,
        permissions=request.permissions,
        never_expires=request.never_expires,
        **settings(request),
    )
