"""SIGKILL of any process, sixty times, under load: nothing answered is lost, and all agree with the log."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from operator import le

import pytest

from tests.against_the_log import GATES, Log, verdicts
from tests.e2e.running import Distributed, eventually
from tests.faults.load import Ledger, Load, await_each_counted_once
from tests.faults.sampling import sampled
from tests.servers import Postgres, RabbitMq, Redis
from tests.stack import Stack

DEATHS, WAVE = len(sampled(range(100), 60)), 10
SEED = 20261124
pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(1500)]


@pytest.fixture
def running(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, rabbitmq: RabbitMq, redis: Redis
) -> Iterator[Distributed]:
    with closing(Stack(tmp_path_factory.mktemp("stack"), postgres, rabbitmq, redis)) as stack:
        yield Distributed(stack)


def test_whoever_is_killed_and_whenever_nothing_answered_is_lost_and_all_agree(running: Distributed, log: Log) -> None:
    stack = running.stack
    with Load(running, seed=SEED) as ledger:
        killed = _kill_processes(stack, ledger)
    assert sum(killed.values()) == DEATHS
    assert len(killed) >= 12, f"of every kind: {killed}"
    eventually(lambda: _restarted_and_ready(stack), bool, seconds=120, every=0.5)

    happened = log.happened()
    assert {("KeyCreated", key_id) for key_id in ledger.created} <= happened
    assert {("KeyRevoked", key_id) for key_id in ledger.revoked} <= happened
    assert ledger.admitted_after_receipt == []
    eventually(log.behind, lambda behind: behind == [], seconds=60, every=0.5)
    _every_gate_agrees(stack, ledger, happened)
    verified = stack.grillo("keys", "audit", "verify", "keys")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    await_each_counted_once(log, ledger)
    assert ledger.statuses.get(200, 0) > DEATHS, f"the load was real: {ledger.statuses}"


def _kill_processes(stack: Stack, ledger: Ledger) -> Counter[str]:
    """At seeded moments, each a process of a seeded role. What ended is started again, as Docker would.

    After each wave the callers are answered again: on a slow machine the deaths would else outrun the starts.
    """
    chance, killed = random.Random(SEED), Counter[str]()
    while sum(killed.values()) < DEATHS:
        time.sleep(chance.uniform(0, 2))  # the point itself, not a wait for something
        stack.restart_what_ended()
        role, pid = chance.choice(stack.pids())
        with contextlib.suppress(ProcessLookupError):  # it ended with another
            os.kill(pid, signal.SIGKILL)
            killed[role] += 1
            if sum(killed.values()) % WAVE == 0:
                answered = len(ledger.answered)
                eventually(lambda: _answered(stack, ledger), partial(le, answered + 2 * WAVE), seconds=120, every=0.5)
    return killed


def _answered(stack: Stack, ledger: Ledger) -> int:
    stack.restart_what_ended()
    return len(ledger.answered)


def _restarted_and_ready(stack: Stack) -> bool:
    stack.restart_what_ended()
    return stack.is_ready()


def _every_gate_agrees(stack: Stack, ledger: Ledger, happened: set[tuple[str, str]]) -> None:
    dead = [secret for key_id, secret in ledger.created.items() if ("KeyRevoked", key_id) in happened]
    alive = [secret for key_id, secret in ledger.created.items() if ("KeyRevoked", key_id) not in happened]
    for service in GATES:
        assert set(verdicts(stack, service, dead)) == {401}, service
        assert set(verdicts(stack, service, alive)) == {403}, service
