"""Redis killed under load, back with old counts, killed again, back empty: no request fails, one share more at most."""

import contextlib
import os
import re
import signal
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
import pytest

from shared.gate.grants.replica import LEASE_SECONDS_DEFAULT
from tests import local_http
from tests.e2e.running import Distributed, eventually
from tests.integration.shared.gate.quota.gates import Admission, Ledger
from tests.servers import Redis

SERVICES = {"keys": "/v1/keys/self", "usage": "/v1/keys/{}/usage", "sensors": "/v1/sensors"}
GATES = 4  # auth's has a share, too, though nobody calls it
LIMIT = 160
HAMMERED_SECONDS, MODERATE_SECONDS = 0.1, 8.0
pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(900)]


@dataclass
class Caller:
    """Asks one service's gate again and again. The clock is this machine's, which is everybody's here."""

    url: str
    secret: str
    every_seconds: float
    over: threading.Event
    ledger: Ledger
    statuses: Counter[int] = field(default_factory=Counter)

    def run(self) -> None:
        with local_http.client(headers={"Authorization": f"Bearer {self.secret}"}, timeout=30) as client:
            while not self.over.wait(self.every_seconds):
                before = time.monotonic()
                answer = client.get(self.url)
                self.statuses[answer.status_code] += 1
                if answer.status_code == httpx.codes.OK:
                    self.ledger.admissions.append(Admission(before, time.monotonic(), 0))


def test_a_redis_that_dies_costs_no_request_and_no_key_gets_more_than_one_share_beyond_its_limit(
    running: Distributed, redis: Redis
) -> None:
    over = threading.Event()
    hammered, hammered_ledger = _callers(running, over, HAMMERED_SECONDS)
    moderate, moderate_ledger = _callers(running, over, MODERATE_SECONDS)
    threads = [threading.Thread(target=caller.run) for caller in (*hammered, *moderate)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: running.stack.gates("quota_on_shares"), lambda count: count == 0, seconds=60, every=0.5)
        eventually(lambda: len(hammered_ledger.admissions), lambda count: count >= LIMIT, seconds=60)
        redis.save()
        redis.stop()
        eventually(lambda: running.stack.gates("quota_on_shares"), lambda count: count == GATES, seconds=30, every=0.5)
        served = len(moderate_ledger.admissions)
        eventually(lambda: len(moderate_ledger.admissions) - served, lambda more: more >= len(SERVICES), seconds=60)
        assert all(local_http.get(f"{running.stack.public_url(name)}/readyz").status_code == 200 for name in SERVICES)
        redis.start(with_saved=True)
        eventually(lambda: running.stack.gates("quota_redis_up"), lambda count: count == GATES, seconds=30, every=0.5)
        assert running.stack.gates("quota_on_shares") == GATES, "what it counts is old"
        redis.stop()
        eventually(lambda: running.stack.gates("quota_redis_up"), lambda count: count == 0, seconds=30, every=0.5)
        redis.start()
        eventually(lambda: running.stack.gates("quota_on_shares"), lambda count: count == 0, seconds=120, every=1)
        admitted = len(hammered_ledger.admissions)
        eventually(lambda: len(hammered_ledger.admissions) - admitted, lambda more: more >= LIMIT // 4, seconds=90)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert _statuses(moderate).keys() == {200}, "it kept within its share all the while"
    assert _statuses(hammered).keys() == {200, 429}
    assert hammered_ledger.most_in_a_minute() <= LIMIT + LIMIT // GATES
    assert hammered_ledger.most_in_a_minute() >= LIMIT * 0.9


def _callers(running: Distributed, over: threading.Event, every_seconds: float) -> tuple[list[Caller], Ledger]:
    """One at each service that has something to ask for, all with one key."""
    with running.admin() as admin:
        made = admin.post(
            "/v1/keys", json={"name": "Key", "permissions": ["admin"], "limits": {"minute": LIMIT}}
        ).json()
    ledger = Ledger()
    callers = [
        Caller(running.stack.public_url(name) + path.format(made["id"]), made["key"], every_seconds, over, ledger)
        for name, path in SERVICES.items()
    ]
    return callers, ledger


def _granted(running: Distributed) -> float:
    (count,) = re.findall(r'^grillo_slot_calls_total{outcome="granted"} (\S+)$', running.stack.metrics("keys"), re.M)
    return float(count)


def _statuses(callers: list[Caller]) -> Counter[int]:
    return sum((caller.statuses for caller in callers), Counter())


def test_a_gate_killed_with_all_slots_in_use_locks_no_key_out(running: Distributed) -> None:
    stack, most = running.stack, 3
    by_contract = ("enterprise", "--minute", "100000", "--concurrent", str(most), "--keys", "1000")
    assert stack.grillo("keys", "organisation", "set-tier", running.organisation, *by_contract).returncode == 0
    _, secret = running.create_key("admin", "sensors:read")
    keys = httpx.URL(stack.public_url("keys"))
    # Its body never comes: the handler waits for it, and the request holds its slot.
    unfinished = (
        f"POST /v1/keys HTTP/1.1\r\nHost: {keys.host}\r\nAuthorization: Bearer {secret}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    with contextlib.ExitStack() as held, local_http.client(base_url=stack.public_url("sensors")) as elsewhere:

        def violated() -> list[str]:
            answer = elsewhere.get("/v1/sensors", headers={"Authorization": f"Bearer {secret}"})
            return [] if answer.status_code == httpx.codes.OK else answer.json()["violated-policies"]

        eventually(lambda: running.stack.gates("slots_on_shares"), lambda count: count == 0, seconds=60, every=0.5)
        assert violated() == []
        granted = _granted(running)
        for _ in range(most):
            caller = held.enter_context(socket.create_connection((keys.host, keys.port or 80)))
            caller.sendall(unfinished.encode())
        eventually(lambda: _granted(running), lambda now: now == granted + most, seconds=30)
        assert violated() == ["concurrent"]
        for role, pid in stack.pids():
            if role == "keys: services.distributed.web keys public":
                os.kill(pid, signal.SIGKILL)
        eventually(violated, lambda named: named == [], seconds=2 * LEASE_SECONDS_DEFAULT)
    stack.restart_what_ended()
