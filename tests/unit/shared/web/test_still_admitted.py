"""The second look at a caller, right before what it asked for is committed: what it lost since is not used any more."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from shared.gate.grants.grant import Grant
from shared.gate.grants.replica import LEASE_SECONDS_DEFAULT, Replica
from shared.gate.verdict import Refusal
from shared.runtime.clock import ManualClock
from shared.web.operation import Call
from shared.web.problems.catalogue import Problem
from shared.web.still_admitted import StillAdmitted
from tests.gate_examples import NOW, ORGANISATION, MemoryLog, grant, snapshot_of


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
    asked, held = _bound_to(before), _replica(_bound_to(now))
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
        StillAdmitted(_replica()).check_of(_call(_bound_to({"net_1"}), []))(_NO_TRANSACTION, "subject")
    assert refused.value.type.name == Refusal.INVALID_KEY.value


def test_grants_that_the_gate_would_use_no_more_let_nothing_be_committed() -> None:
    """A process that was stopped for longer than its lease: receipts have counted it out meanwhile."""
    clock, kept = ManualClock(NOW), list[str]()
    replica = _replica(grant(), clock=clock)
    check = StillAdmitted(replica).check_of(_call(grant(), kept))
    clock.advance(LEASE_SECONDS_DEFAULT - 0.001)
    check(_NO_TRANSACTION, "subject")
    clock.advance(0.001)
    assert _refused(check) == Refusal.GATE_NOT_FRESH.value
    replica.pull()
    check(_NO_TRANSACTION, "subject")
    assert kept[0] == kept[-1] == "subject"
    replica.fresh_until, replica.is_log_diverged = -1.0, True
    assert _refused(check) == Refusal.LOG_DIVERGED.value


def test_freshness_is_asked_last_and_told_first() -> None:
    """What takes time before it, as keeping the answer does, may outlast the lease."""
    clock = ManualClock(NOW)

    def keep(_tx: object, _subject: str) -> None:
        clock.advance(LEASE_SECONDS_DEFAULT)

    call = replace(_call(grant(), []), keep=keep)
    assert _refused(StillAdmitted(_replica(grant(), clock=clock)).check_of(call)) == Refusal.GATE_NOT_FRESH.value
    nobody_s = _replica(clock=clock)
    clock.advance(LEASE_SECONDS_DEFAULT)
    assert _refused(StillAdmitted(nobody_s).check_of(_call(grant(), []))) == Refusal.GATE_NOT_FRESH.value


@pytest.mark.parametrize("stream", [grant().key_id, ORGANISATION])
def test_a_key_of_which_an_event_could_not_be_applied_commits_nothing(stream: str) -> None:
    kept: list[str] = []
    check = StillAdmitted(_replica(grant(), unappliable=(stream,))).check_of(_call(grant(), kept))
    assert (_refused(check), kept) == (Refusal.UNAVAILABLE.value, [])


_NO_TRANSACTION: Any = None


def _replica(*held: Grant, unappliable: tuple[str, ...] = (), clock: ManualClock | None = None) -> Replica:
    """Fresh, with a lease that has just begun."""
    clock = clock or ManualClock(NOW)
    log = MemoryLog(clock)
    snapshot = snapshot_of(*held, place=log.genesis, unappliable=unappliable)
    replica = Replica(gate="gate_1", feed=log, snapshot=lambda: snapshot, clock=clock)
    replica.pull()
    return replica


def _refused(check: Callable[[Any, str], None]) -> str:
    with pytest.raises(Problem) as refused:
        check(_NO_TRANSACTION, "subject")
    return refused.value.type.name


def _bound_to(networks: set[str] | None) -> Any:
    return grant(networks=None if networks is None else frozenset(networks))


def _call(caller: Any, kept: list[str]) -> Call[None, None]:
    def keep(_tx: object, subject: str) -> None:
        kept.append(subject)

    return Call(caller, None, None, "request", NOW.timestamp, digest=caller.digest, keep=keep)
