"""Second look at an admitted caller: does the gate's replica still let it, right before what it asked for is committed?

For services that follow the log of keys. Keys itself, whose log it is, can promise more (services/keys/revocation).
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from shared.gate.grants.grant import Grant
from shared.gate.grants.replica import Replica
from shared.gate.verdict import Refusal, Verdict, judge_again
from shared.web.operation import Call
from shared.web.problems.refusals import refusal_problem


class StillAdmitted:
    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def check_of(self, call: Call[Any, Any]) -> Callable[[Connection, str], None]:
        """What to call last in the transaction, with the id of what is changed. Of the caller it asks nobody but this
        process's memory. Raises Problem, as the gate would refuse the call now; and Taken.

        A key that lost a network since is refused whatever the call is about: what it may see was decided before.
        """

        def check(tx: Connection, subject: str) -> None:
            replica, grants = self._replica, self._replica.grants
            grant = grants.by_id(call.caller.key_id)
            refusal = judge_again(grant, call.digest, call.permission, call.time())
            if (
                grant is not None
                and refusal is not Refusal.INVALID_KEY
                and (grants.limits(grant) is None or grants.is_unappliable(grant))
            ):
                refusal = Refusal.UNAVAILABLE
            if refusal is None and grant is not None and _lost_a_network(call.caller, grant):
                refusal = Refusal.NETWORK_NOT_ALLOWED
            if refusal is None and call.keep is not None:
                call.keep(tx, subject)
            # Asked last, answered first, as the gate does: a process that was stopped meanwhile may have been counted
            # out of the receipt of what ended the key.
            if not replica.is_fresh():
                refusal = Refusal.LOG_DIVERGED if replica.is_log_diverged else Refusal.GATE_NOT_FRESH
            if refusal is not None:
                raise refusal_problem(Verdict(refusal), refusal, call.permission)

        return check


def _lost_a_network(before: Grant, now: Grant) -> bool:
    return now.networks is not None and (before.networks is None or not now.opens(before.networks))
