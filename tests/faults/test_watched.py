"""A real Prometheus beside the running system: panels have data under load, and alerts fire by their fault and end."""

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from ops.grafana.dashboards import DASHBOARDS
from tests import local_http
from tests.e2e.running import Distributed, eventually
from tests.faults.load import Load
from tests.prometheus import Prometheus
from tests.stack import Stack

pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(900)]
QUERIES = {
    query.replace("$__rate_interval", "1m"): panel.title
    for one in DASHBOARDS
    for panel in one.panels
    for query in panel.queries
}


@pytest.fixture
def prometheus(running: Distributed, tmp_path: Path) -> Iterator[Prometheus]:
    with closing(Prometheus(tmp_path, running.stack)) as server:
        yield server


def test_panels_have_data_and_alerts_come_and_go(running: Distributed, prometheus: Prometheus) -> None:
    stack = running.stack
    with Load(running, seed=1):
        eventually(lambda: _without_data(prometheus), lambda titles: titles == {}, seconds=240, every=1)
        told = {series["metric"]["service"] for series in prometheus.query("grillo_build_info")}
        assert told == {*stack.services, "console"}
    assert prometheus.firing() <= {"GrilloRevocationSlow"}, "nothing is wrong, but a machine may be slow"

    for _ in range(12):
        refused = local_http.get(f"{stack.internal_url('usage')}/metrics", headers={"Authorization": "Bearer nobody"})
        assert refused.status_code == httpx.codes.UNAUTHORIZED
    eventually(prometheus.firing, lambda names: "GrilloInternalDoorRefused" in names, seconds=60)

    with _standing_still(stack, "keys"):
        wanted = {"GrilloServiceDown", "GrilloGateStale"}
        eventually(prometheus.firing, lambda names: wanted <= names, seconds=180, every=0.5)
    eventually(prometheus.firing, lambda names: not wanted & names, seconds=120, every=0.5)


def _without_data(prometheus: Prometheus) -> dict[str, str]:
    return {query: title for query, title in QUERIES.items() if not prometheus.query(query)}


@contextlib.contextmanager
def _standing_still(stack: Stack, service: str) -> Iterator[None]:
    """All processes of the service stopped, as on a host that hangs."""
    pids = [pid for role, pid in stack.pids() if role.startswith(f"{service}:")]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
