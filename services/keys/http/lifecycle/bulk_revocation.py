"""Resource that revokes many keys at once, by label, age or id, or lists which ones would be."""

from typing import Any

from services.keys.commands.command_handler import CommandHandler
from services.keys.commands.command_inputs import Revocation
from services.keys.http import representation
from services.keys.http.command_mapping import asked, made_query
from services.keys.http.problem_mapping import as_problems
from services.keys.http.schemas.request_bodies import RevokeKeysBody, RevokeKeysSchema
from services.keys.http.schemas.request_queries import ForceQuery, ForceQuerySchema
from services.keys.http.schemas.responses import RevokedKeysSchema
from services.keys.lifecycle.key import Status
from services.keys.views.listing.key_filter import KeyFilter
from services.keys.views.queries import KeyQueries, KeyView
from shared.gate.quota.reserve import URGENT
from shared.runtime.clock import Clock
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import Problem
from shared.web.requests.texts import label_of


class KeysRevocation:
    def __init__(self, commands: CommandHandler, queries: KeyQueries, clock: Clock) -> None:
        self._commands, self._queries, self._clock = commands, queries, clock

    def revoked_before(self, call: Call[ForceQuery, RevokeKeysBody], subject: str) -> Answer:
        """The same keys again, but for deleted ones, and none that has come to meet the description since."""
        ids = tuple(subject.split())
        made = self._commands.revoker.told(ids, made_query(call.body, self._clock.now()))
        revocation = Revocation(receipt=self._commands.receipts.certain(), made=made)
        found = self._queries.all_keys(call.caller.organisation_id, KeyFilter(ids=ids))
        return _answer(call, found, representation.revocation(revocation))

    @operation(
        "Revoke many keys at once, or list which ones would be",
        tag="Keys",
        permission="admin",
        query=ForceQuerySchema,
        body=RevokeKeysSchema,
        answers=RevokedKeysSchema,
        problems=("not-found", "conflict", "lock-out"),
        reserve=URGENT,
        repeated=revoked_before,
        is_change=lambda body: not body.dry_run,
    )
    def on_post(self, call: Call[ForceQuery, RevokeKeysBody]) -> Answer:
        organisation_id, body = call.caller.organisation_id, call.body
        commands, query = asked(self._commands, call), made_query(body, self._clock.now())
        with as_problems(), commands.fence_first():
            found = self._find(organisation_id, body)
        ids = tuple(key.id for key in found)
        if body.dry_run:
            return _answer(
                call, found, {"receipt": None} | representation.made(self._commands.revoker.told(ids, query))
            )
        with as_problems():
            revoked = commands.revoke_all(organisation_id, ids, body.reason, body.note, call.origin, query)
        return _answer(
            call, self._queries.all_keys(organisation_id, KeyFilter(ids=ids)), representation.revocation(revoked)
        )

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
