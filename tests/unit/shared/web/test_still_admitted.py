"""The second look at a caller, right before what it asked for is committed: what it lost since is not used any more."""

from typing import Any

import pytest

from shared.gate.grants.grants import Grants
from shared.gate.verdict import Refusal
from shared.web.operation import Call
from shared.web.problems.catalogue import Problem
from shared.web.still_admitted import StillAdmitted
from tests.gate_examples import NOW, grant, grants_of


@pytest.mark.parametrize(
    ("before", "now", "is_refused"),
    [
        (None, None, False),
        ({"net_1"}, {"net_1"}, False),
        ({"net_1"}, {"net_1", "net_2"}, False),
        ({"net_1"}, None, False),
        (None, {"net_1"}, True),
        ({"net_1", "net_2"}, {"net_1"}, True),
        ({"net_1"}, set(), True),
        ({"net_1"}, {"net_2"}, True),
    ],
)
def test_a_key_that_lost_a_network_meanwhile_commits_nothing(
    before: set[str] | None, now: set[str] | None, is_refused: bool
) -> None:
    asked, held = _bound_to(before), grants_of(_bound_to(now))
    kept: list[str] = []
    check = StillAdmitted(held).check_of(_call(asked, kept))
    if is_refused:
        with pytest.raises(Problem) as refused:
            check(_NO_TRANSACTION, "subject")
        assert refused.value.type.name == Refusal.NETWORK_NOT_ALLOWED.value
    else:
        check(_NO_TRANSACTION, "subject")
    assert kept == ([] if is_refused else ["subject"])


def test_what_ended_the_key_is_told_before_what_it_lost() -> None:
    with pytest.raises(Problem) as refused:
        StillAdmitted(Grants()).check_of(_call(_bound_to({"net_1"}), []))(_NO_TRANSACTION, "subject")
    assert refused.value.type.name == Refusal.INVALID_KEY.value


_NO_TRANSACTION: Any = None


def _bound_to(networks: set[str] | None) -> Any:
    return grant(networks=None if networks is None else frozenset(networks))


def _call(caller: Any, kept: list[str]) -> Call[None, None]:
    def keep(_tx: object, subject: str) -> None:
        kept.append(subject)

    return Call(caller, None, None, "request", NOW.timestamp, digest=caller.digest, keep=keep)
