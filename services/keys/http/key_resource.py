"""Base of the resources that change a key: how they answer, and how they answer what was asked for before.

A repetition with the same Idempotency-Key changes nothing: it is answered with the key as it is now, with a receipt of
now and without the secret, which exists in the first answer only.
"""

from typing import Any

from services.keys.commands.command_handler import CommandHandler
from services.keys.http import representation
from services.keys.http.command_mapping import made_query
from services.keys.http.problem_mapping import as_problems
from services.keys.http.representation import KeyRepresentation
from services.keys.revocation.propagation import Receipt
from services.keys.views.queries import KeyQueries, KeyView
from shared.runtime.clock import Clock
from shared.web.operation import Answer, Call

ONCE = {"Cache-Control": "no-store"}


class KeyResource:
    def __init__(self, commands: CommandHandler, queries: KeyQueries, show: KeyRepresentation, clock: Clock) -> None:
        self._commands, self._queries, self._show, self._clock = commands, queries, show, clock

    def changed(self, call: Call[Any, Any], key_id: str, receipt: Receipt | None, **more: Any) -> Answer:
        """The key as it is now, its receipt, and what `more` the answer has. Raises Problem."""
        shown = self._show(self._now(call, key_id))
        body = shown | {"receipt": receipt and representation.receipt(receipt)} | more
        headers = ONCE if "key" in more else {}
        return Answer(body=body, headers=headers, revision=shown["revision"], shown=shown)

    def created(self, key: KeyView, receipt: Receipt, secret: str | None) -> Answer:
        shown = self._show(key)
        body = shown | {"receipt": representation.receipt(receipt), "key": secret}
        headers = ONCE | {"Location": f"/v1/keys/{key.id}"}
        return Answer(status=201, body=body, headers=headers, revision=key.revision, shown=shown)

    def resumed_before(self, call: Call[Any, Any], key_id: str) -> Answer:
        return self.changed(call, key_id, self._commands.receipts.known())

    def suspended_before(self, call: Call[Any, Any], key_id: str) -> Answer:
        return self.changed(call, key_id, self._commands.receipts.certain())

    def renewed_before(self, call: Call[Any, Any], key_id: str) -> Answer:
        return self.changed(call, key_id, self._commands.receipts.certain(), key=None)

    def rotated_before(self, call: Call[Any, Any], key_id: str) -> Answer:
        receipts = self._commands.receipts
        receipt = receipts.known() if call.body.grace_seconds else receipts.certain()
        return self.changed(call, key_id, receipt, key=None)

    def created_before(self, call: Call[Any, Any], key_id: str) -> Answer:
        return self.created(self._now(call, key_id), self._commands.receipts.known(), None)

    def revoked_before(self, call: Call[Any, Any], key_id: str) -> Answer:
        made = self._commands.revoker.told((key_id,), made_query(call.body, self._clock.now()))
        return self.changed(call, key_id, self._commands.receipts.certain(), **representation.made(made))

    def _now(self, call: Call[Any, Any], key_id: str) -> KeyView:
        """Raises Problem."""
        with as_problems():
            return self._queries.get_key(call.caller.organisation_id, key_id)
