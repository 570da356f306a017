"""Resources that suspend a key and resume it."""

from functools import partial

from services.keys.http.command_mapping import asked
from services.keys.http.key_resource import KeyResource
from services.keys.http.problem_mapping import as_problems
from services.keys.http.schemas.request_bodies import NothingSchema
from services.keys.http.schemas.request_queries import ForceQuery, ForceQuerySchema
from services.keys.http.schemas.responses import ChangedKeySchema
from shared.gate.quota.reserve import URGENT
from shared.web.operation import Answer, Call, operation

_change = partial(
    operation, tag="Keys", permission="admin", body=NothingSchema, answers=ChangedKeySchema, conditional=True
)


class KeySuspension(KeyResource):
    @_change(
        "Suspend a key until it is resumed; answers once no gate accepts it",
        query=ForceQuerySchema,
        problems=("not-found", "conflict", "lock-out"),
        reserve=URGENT,
        repeated=KeyResource.suspended_before,
    )
    def on_post(self, call: Call[ForceQuery, None], key_id: str) -> Answer:
        with as_problems():
            receipt = asked(self._commands, call).suspend(call.caller.organisation_id, key_id, call.origin)
        return self.changed(call, key_id, receipt)


class KeyResumption(KeyResource):
    @_change(
        "Resume a suspended key",
        problems=("not-found", "conflict", "too-many-keys"),
        repeated=KeyResource.resumed_before,
    )
    def on_post(self, call: Call[None, None], key_id: str) -> Answer:
        with as_problems():
            receipt = asked(self._commands, call).resume(call.caller.organisation_id, key_id, call.origin)
        return self.changed(call, key_id, receipt)
