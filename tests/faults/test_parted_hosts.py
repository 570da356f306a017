"""Hosts that lose each other one way or both ways, below TCP, so that neither is told: all comes back without hands.

One system for all, on a network of its own: each test leaves it whole, and the last looks through all that was written.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from itertools import product
from operator import eq, le
from pathlib import Path

import pytest

from tests.against_the_log import Log
from tests.e2e.running import Distributed, eventually
from tests.faults.load import Load, await_each_counted_once
from tests.faults.sampling import sampled
from tests.faults.wholeness import Wholeness
from tests.servers import Postgres, RabbitMq, Redis
from tests.shims.own_network import OwnNetwork, Way, own_network
from tests.stack import Stack

pytestmark = [
    pytest.mark.xdist_group("distributed"),
    pytest.mark.timeout(400),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a network"),
]
LEASE_SECONDS = 5.0
PARTED_SECONDS = 20.0
SEED = 23
# Who is parted from whom. A gate asks the log at keys' internal door, or by RabbitMQ.
FROM_THE_LOG = ("sensors", "keys", "rabbitmq")
PARTED = (("sensors", "rabbitmq"), ("sensors", "keys"), FROM_THE_LOG, ("usage", "postgres"))
LOST: tuple[tuple[Way, ...], ...] = (("there",), ("back",), ("there", "back"))
CASES = list(product(PARTED, LOST))


class PartedStack(Stack):
    """Each service reaches each other one, and each server but Redis, by a way that can be parted."""

    def __init__(self, folder: Path, network: OwnNetwork, postgres: Postgres, rabbitmq: RabbitMq, redis: Redis) -> None:
        self._network, self._ways = network, dict[tuple[str, int], int]()
        self._servers = {"postgres": postgres.port, "rabbitmq": rabbitmq.port}
        through = {name: partial(self._way, name) for name in ("keys", "auth", "usage", "sensors")}
        super().__init__(folder, postgres, rabbitmq, redis, lease_seconds=LEASE_SECONDS, through=through)

    def part(self, service: str, *others: str, ways: tuple[Way, ...]) -> None:
        for other in others:
            port = self._servers.get(other) or self._ports[other][1]
            self._network.part(self._ways[service, port], *ways)

    def environment(self, service: str) -> dict[str, str]:
        told = super().environment(service)
        if service in self._through:
            way, port = self._way(service, self.postgres.port), self.postgres.port
            told["DATABASE_URL"] = told["DATABASE_URL"].replace(f":{port}/", f":{way}/")
        return told

    def _way(self, service: str, port: int) -> int:
        if (service, port) not in self._ways:
            self._ways[service, port] = self._network.to(port)
        return self._ways[service, port]


@pytest.fixture(scope="module")
def network() -> Iterator[OwnNetwork]:
    with own_network() as network:
        yield network


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, network: OwnNetwork) -> Iterator[Distributed]:
    folder = tmp_path_factory.mktemp("stack")
    with ExitStack() as beside:
        postgres = beside.enter_context(closing(Postgres(folder)))
        rabbitmq = beside.enter_context(closing(RabbitMq(folder)))
        redis = beside.enter_context(closing(Redis(folder)))
        stack = PartedStack(folder, network, postgres, rabbitmq, redis)
        beside.enter_context(closing(stack))
        beside.callback(network.heal)
        yield Distributed(stack)


@pytest.fixture(scope="module")
def log(running: Distributed) -> Iterator[Log]:
    with closing(Log(running.stack.databases())) as log:
        yield log


@pytest.mark.parametrize(
    ("hosts", "lost"),
    sampled(CASES, 2, *((hosts, LOST[2]) for hosts in (FROM_THE_LOG, PARTED[-1]))),
    ids=lambda value: "-".join(value),
)
def test_hosts_that_are_parted_cost_no_count_and_no_promise_and_find_each_other_again(
    running: Distributed,
    network: OwnNetwork,
    log: Log,
    hosts: tuple[str, ...],
    lost: tuple[Way, ...],
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    stack = running.stack
    assert isinstance(stack, PartedStack)
    scene = Wholeness(running, log)
    processes = stack.pids()
    with Load(running, seed=SEED, writes=False) as ledger:
        scene.wait()
        stack.part(*hosts, ways=lost)
        try:
            until = time.monotonic() + PARTED_SECONDS
            while time.monotonic() < until:
                key_id, secret = scene.end_a_key()
                ledger.revoked[key_id] = secret  # from now on it is tried without end
            eventually(scene.status, partial(eq, 503 if hosts == FROM_THE_LOG else 200), every=0.5)
        finally:
            network.heal()
        asked = len(ledger.sent)
        record_testsuite_property(f"parted {hosts} {lost}: seconds to recover", scene.wait())
        eventually(lambda: len(ledger.sent), partial(le, asked + 20))
    assert ledger.admitted_after_receipt == []
    await_each_counted_once(log, ledger)
    eventually(log.behind, lambda behind: behind == [], every=0.5)
    assert stack.pids() == processes, "alone: nothing was started again"


def test_after_all_of_it_the_log_verifies_and_what_is_made_of_it_again_is_equal(running: Distributed, log: Log) -> None:
    stack = running.stack
    eventually(log.behind, lambda behind: behind == [], every=0.5)
    done = [stack.grillo("keys", "audit", "verify", "keys")]
    done += [stack.grillo(service, "rebuild", service) for service in ("keys", "auth", "usage")]
    assert [each.stdout + each.stderr for each in done if each.returncode or "differed" in each.stdout] == []
    eventually(log.behind, lambda behind: behind == [], every=0.5)
