"""Resources that revoke a key for good: one of the organisation's, with what it made if asked, or the calling key."""

from typing import Any

from services.keys.commands.command_inputs import MADE_IN_A_DAY, MadeQuery
from services.keys.http import representation
from services.keys.http.command_mapping import asked, made_query
from services.keys.http.key_resource import KeyResource
from services.keys.http.problem_mapping import as_problems
from services.keys.http.schemas.request_bodies import GiveUpBody, GiveUpSchema, RevokeKeyBody, RevokeKeySchema
from services.keys.http.schemas.request_queries import ForceQuery, ForceQuerySchema
from services.keys.http.schemas.responses import RevokedKeySchema
from shared.gate.quota.reserve import URGENT
from shared.web.operation import Answer, Call, operation


class _Revocation(KeyResource):
    def _revoked(
        self, call: Call[Any, Any], key_id: str, made: MadeQuery = MADE_IN_A_DAY, *, gives_up: bool = False
    ) -> Answer:
        organisation_id, body = call.caller.organisation_id, call.body
        with as_problems():
            revoke = asked(self._commands, call, gives_up=gives_up).revoke
            revoked = revoke(organisation_id, key_id, body.reason, body.note, call.origin, made)
        return self.changed(call, key_id, revoked.receipt, **representation.made(revoked.made))


class KeyRevocation(_Revocation):
    @operation(
        "Revoke a key for good, and if asked what it made; answers once no gate will accept it again",
        tag="Keys",
        permission="admin",
        query=ForceQuerySchema,
        body=RevokeKeySchema,
        answers=RevokedKeySchema,
        problems=("not-found", "conflict", "lock-out"),
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
        problems=("not-found", "conflict"),
        reserve=URGENT,
        gives_up=True,
        conditional=True,
        repeated=KeyResource.revoked_before,
    )
    def on_post(self, call: Call[None, GiveUpBody]) -> Answer:
        return self._revoked(call, call.caller.key_id, gives_up=True)
