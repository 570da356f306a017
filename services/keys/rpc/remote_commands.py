"""Commands on keys over RPC, for other back ends: the same as over HTTP, but for those that make a secret.

A secret exists in one answer, to whoever will use it; on the bus it would be in others' hands, too.
"""

from services.keys.commands.command_handler import CommandHandler
from services.keys.commands.command_inputs import MadeQuery, Revocation
from services.keys.lifecycle.key import Reason
from services.keys.revocation.propagation import Receipt
from services.keys.rpc.error_mapping import as_wire_errors
from shared.eventsourcing.origin import Origin
from shared.observability import trace_context


class RemoteCommands:
    """Each returns with the receipt that HTTP answers carry, too. `actor`: whom it is asked for, for the record.

    `account`: whose call it is; None where accounts are not demanded, and then `actor` is all that is known.

    Raises NotFound, also for another organisation's key, or Conflict.
    """

    def __init__(self, commands: CommandHandler) -> None:
        self._commands = commands

    def suspend(self, organisation_id: str, key_id: str, actor: str, *, account: str | None) -> Receipt:
        with as_wire_errors():
            return self._commands.suspend(organisation_id, key_id, _origin(actor, account))

    def resume(self, organisation_id: str, key_id: str, actor: str, *, account: str | None) -> Receipt:
        with as_wire_errors():
            return self._commands.resume(organisation_id, key_id, _origin(actor, account))

    def revoke(
        self,
        organisation_id: str,
        key_id: str,
        actor: str,
        reason: Reason,
        note: str | None,
        made: MadeQuery,
        *,
        account: str | None,
    ) -> Revocation:
        with as_wire_errors():
            return self._commands.revoke(organisation_id, key_id, reason, note, _origin(actor, account), made)

    def delete(self, organisation_id: str, key_id: str, actor: str, *, account: str | None) -> Receipt:
        with as_wire_errors():
            return self._commands.delete(organisation_id, key_id, _origin(actor, account))[1]


def _origin(actor: str, account: str | None) -> Origin:
    traceparent = trace_context.current.get()
    if account is None:
        return Origin(actor=actor, traceparent=traceparent)
    return Origin(actor=f"rpc:{account}", on_behalf_of=actor, traceparent=traceparent)
