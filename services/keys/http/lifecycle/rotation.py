"""Resources that give a key a new secret: any key of the organisation, or the calling key itself."""

from datetime import timedelta
from functools import partial

from services.keys.http.command_mapping import asked
from services.keys.http.key_resource import KeyResource
from services.keys.http.problem_mapping import as_problems
from services.keys.http.schemas.request_bodies import RotateKeyBody, RotateKeySchema
from services.keys.http.schemas.request_queries import ForceQuery, ForceQuerySchema
from services.keys.http.schemas.responses import RotatedKeySchema
from shared.web.operation import Answer, Call, operation

_rotation = partial(
    operation,
    tag="Keys",
    query=ForceQuerySchema,
    body=RotateKeySchema,
    answers=RotatedKeySchema,
    problems=("not-found", "conflict", "lock-out", "too-many-keys", "beyond-own-bounds", "clock-in-doubt"),
    conditional=True,
    repeated=KeyResource.rotated_before,
)


class KeyRotation(KeyResource):
    @_rotation("Give a key a new secret; the old one may keep working for a grace period", permission="admin")
    def on_post(self, call: Call[ForceQuery, RotateKeyBody], key_id: str) -> Answer:
        return self._rotated(call, key_id)

    def _rotated(self, call: Call[ForceQuery, RotateKeyBody], key_id: str) -> Answer:
        organisation_id, grace = call.caller.organisation_id, timedelta(seconds=call.body.grace_seconds)
        with as_problems():
            rotate = asked(self._commands, call).rotate
            rotated = rotate(organisation_id, key_id, grace, call.origin, instead=call.body.instead)
        return self.changed(call, key_id, rotated.receipt, key=rotated.secret.value)


class OwnKeyRotation(KeyRotation):
    @_rotation(
        "Give the calling key itself a new secret; the old one may keep working for a grace period", permission=None
    )
    def on_post(self, call: Call[ForceQuery, RotateKeyBody]) -> Answer:
        return self._rotated(call, call.caller.key_id)
