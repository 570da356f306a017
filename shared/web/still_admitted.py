"""Second look at an admitted caller: does the gate's replica still let it, right before what it asked for is committed?

For services that follow the log of keys. Keys itself, whose log it is, can promise more (services/keys/revocation).
"""

from collections.abc import Callable
from typing import Any

from shared.gate.grants.grants import Grants
from shared.gate.verdict import Verdict, judge_again
from shared.web.operation import Call
from shared.web.problems.refusals import refusal_problem


class StillAdmitted:
    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    def check_of(self, call: Call[Any, Any]) -> Callable[[], None]:
        """What to call last in the transaction; it asks nobody but this process's memory. Raises Problem, as the gate
        would refuse the call now.
        """

        def check() -> None:
            grant = self._grants.by_id(call.caller.key_id)
            refusal = judge_again(grant, call.digest, call.permission, call.time())
            if refusal is not None:
                raise refusal_problem(Verdict(refusal), refusal, call.permission)

        return check
