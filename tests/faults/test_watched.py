"""A real Prometheus beside the running system under load: each panel has data and no alert fires, until each is made to
fire by its fault, and ends with it.

For that the rules are those of ops/prometheus with every window and every `for` divided by DIVISOR: the minutes
themselves are promtool's (tests/integration/ops/test_alert_rules.py).
"""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from ops.grafana.dashboards import DASHBOARDS
from tests.e2e.running import Distributed, eventually
from tests.faults.alert_faults import ROOMY_MIB, Fault, Scene
from tests.faults.alerts_told import ALONG, ROUNDS, Told
from tests.faults.load import Load
from tests.faults.scaled_rules import scaled_rules
from tests.prometheus import Prometheus
from tests.servers import Postgres, RabbitMq, Redis
from tests.shims.small_disk import small_disk
from tests.shims.wrong_clock import WrongClock
from tests.stack import Stack

pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(900)]
QUERIES = {
    query.replace("$__rate_interval", "1m"): panel.title
    for one in DASHBOARDS
    for panel in one.panels
    for query in panel.queries
}
DIVISOR = 30
SECONDS_MAX = 240
ROOMY = ("enterprise", "--minute", "100000", "--concurrent", "100", "--keys", "5000")
SLOW_MACHINE = {"GrilloRevocationSlow"}  # may be the machine's own


@pytest.fixture(scope="module")
def scene(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, broker: RabbitMq, redis: Redis
) -> Iterator[Scene]:
    folder, clock = tmp_path_factory.mktemp("stack"), WrongClock(tmp_path_factory.mktemp("clock"))
    disk = folder / "usage-spool"
    with ExitStack() as beside:
        if os.geteuid() == 0:
            beside.enter_context(small_disk(disk, ROOMY_MIB))
        stack = beside.enter_context(closing(Stack(folder, postgres, broker, redis, clocks={"sensors": clock})))
        running = Distributed(stack)
        yield Scene(running=running, postgres=postgres, broker=broker, redis=redis, clock=clock, disk=disk)


def test_panels_have_data_and_no_alert_fires(scene: Scene, tmp_path: Path) -> None:
    with closing(Prometheus(tmp_path, scene.stack)) as watching:
        with Load(scene.running, seed=1):
            eventually(lambda: _without_data(watching), lambda titles: titles == {}, seconds=240, every=1)
            told = {series["metric"]["service"] for series in watching.query("grillo_build_info")}
            assert told == {*scene.stack.services, "console"}
        assert watching.firing() <= SLOW_MACHINE, "nothing is wrong, but a machine may be slow"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk")
def test_each_alert_comes_with_its_fault_and_goes_with_it(scene: Scene, tmp_path: Path) -> None:
    stack, rules = scene.stack, scaled_rules(tmp_path / "rules", DIVISOR)
    stack.grillo("keys", "organisation", "set-tier", scene.running.organisation, *ROOMY).check_returncode()
    with (
        closing(Prometheus(tmp_path, stack, rules=rules)) as watching,
        Load(scene.running, seed=1),
        ThreadPoolExecutor(32) as pool,
    ):

        def begun(faults: Mapping[Fault, Told]) -> list[Future[None]]:
            return [pool.submit(_made, fault, told, scene, watching) for fault, told in faults.items()]

        # What rises before it was seen for the first time has not risen.
        seen = "count_over_time(up[1m]) >= 3 and up == 1"
        eventually(lambda: watching.query(seen), lambda targets: len(targets) == len(stack.services) + 1)
        lasting, ending = begun(ALONG), list[Future[None]]()
        for together in ROUNDS:
            for made in begun(together):
                made.result()
            ending += [pool.submit(_have_ended, watching, told) for told in together.values()]
        for made in lasting:
            made.result()
        for told in ALONG.values():
            _have_ended(watching, told)
        for ended in ending:
            ended.result()


def _made(fault: Fault, told: Told, scene: Scene, watching: Prometheus) -> None:
    """The fault lasts until its alerts have fired, none of which was there before."""
    _have_ended(watching, told)
    with fault(scene):
        seen = set[str]()

        def silent() -> set[str]:
            seen.update(_firing(watching, told))
            return told.keys() - seen

        eventually(silent, lambda names: not names, seconds=SECONDS_MAX, every=0.5)


def _have_ended(watching: Prometheus, told: Told) -> None:
    eventually(lambda: _firing(watching, told), lambda names: not names, seconds=SECONDS_MAX, every=0.5)


def _firing(watching: Prometheus, told: Told) -> set[str]:
    """Those of them that tell of the fault."""
    return {
        alert["alertname"]
        for alert in watching.alerts()
        if alert["alertname"] in told and told[alert["alertname"]].items() <= alert.items()
    }


def _without_data(prometheus: Prometheus) -> dict[str, str]:
    return {query: title for query, title in QUERIES.items() if not prometheus.query(query)}
