"""Redis killed under load, back with old counts, killed again, back empty: no request fails, one share more at most."""

import contextlib
import os
import re
import signal
import socket
import struct
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


def _statuses(callers: list[Caller]) -> Counter[int]:
    return sum((caller.statuses for caller in callers), Counter())


def test_a_gate_killed_with_all_slots_in_use_locks_no_key_out_beyond_its_lease(
    running: Distributed, redis: Redis
) -> None:
    stack, at_once, refused_at = running.stack, AtOnce(running), [0.0]

    def asked() -> list[str]:
        """As `violated`; when what is refused was asked is written down, by Redis's clock."""
        with redis.client() as client:
            seconds, microseconds = client.time()
        if named := at_once.violated():
            refused_at.append(seconds + microseconds / 1e6)
        return named

    try:
        with contextlib.ExitStack() as held:
            at_once.hold_all(held)
            killed = [pid for role, pid in stack.pids() if role == "keys: services.distributed.web keys public"]
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            eventually(lambda: set(killed) & {pid for _, pid in stack.pids()}, lambda alive: not alive, seconds=30)
            with redis.client() as client:
                (dead,) = (gate for gate, count in client.hgetall(at_once.slots).items() if int(count) == AtOnce.MOST)
                heard_at = int(client.hget("{grillo:quota}:slots:gates", dead)) / 1000
            eventually(asked, lambda named: named == [], seconds=120, every=0.2)
    finally:
        stack.restart_what_ended()
    assert max(refused_at) < heard_at + LEASE_SECONDS_DEFAULT + 1, "a second after the lease all is free"


def test_callers_that_vanish_or_pipeline_leave_no_slot_in_use(running: Distributed, redis: Redis) -> None:
    at_once = AtOnce(running)

    def held_for_it() -> int:
        """As Redis knows it."""
        with redis.client() as client:
            return sum(map(int, client.hvals(at_once.slots)))

    for _ in range(5):
        with contextlib.ExitStack() as held:
            for caller in at_once.hold_all(held):
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closed by a reset
        eventually(held_for_it, lambda count: count == 0, seconds=30)
    with at_once.connected() as caller:
        caller.sendall(at_once.request("GET", "/v1/keys/self", "") * 10)
        answers = b""
        while answers.count(b"HTTP/1.1 ") < 10:
            answers += caller.recv(65536)
    assert answers.count(b"HTTP/1.1 200") == 10
    eventually(held_for_it, lambda count: count == 0, seconds=30)
    with contextlib.ExitStack() as held:
        at_once.hold_all(held)


class AtOnce:
    """A key of which three requests are answered at the same time, and its requests to keys that never end."""

    MOST = 3

    def __init__(self, running: Distributed) -> None:
        self._running, stack = running, running.stack
        by_contract = ("enterprise", "--minute", "100000", "--concurrent", str(self.MOST), "--keys", "1000")
        assert stack.grillo("keys", "organisation", "set-tier", running.organisation, *by_contract).returncode == 0
        self.key_id, self._secret = running.create_key("admin", "sensors:read")
        self.slots = f"{{grillo:quota}}:slots:{self.key_id}"  # at Redis: by gate, how many it holds
        self._keys = httpx.URL(stack.public_url("keys"))
        eventually(lambda: stack.gates("slots_on_shares"), lambda count: count == 0, seconds=60, every=0.5)
        eventually(self.violated, lambda named: named == [], seconds=30)

    def request(self, method: str, path: str, more: str) -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._keys.host}\r\nAuthorization: Bearer {self._secret}\r\n"
        return f"{head}{more}\r\n".encode()

    def connected(self) -> socket.socket:
        return socket.create_connection((self._keys.host, self._keys.port or 80), timeout=30)

    def hold_all(self, held: contextlib.ExitStack) -> list[socket.socket]:
        """Their bodies never come: the handler waits for them, and the requests hold their slots."""
        granted, callers = self._granted(), [held.enter_context(self.connected()) for _ in range(self.MOST)]
        for caller in callers:
            more = "Content-Type: application/json\r\nContent-Length: 100\r\n"
            caller.sendall(self.request("POST", "/v1/keys", more) + b"{")
        eventually(self._granted, lambda now: now == granted + self.MOST, seconds=30)
        assert self.violated() == ["concurrent"]
        return callers

    def violated(self) -> list[str]:
        """What a request to another gate is refused by."""
        url = f"{self._running.stack.public_url('sensors')}/v1/sensors"
        presented = {"Authorization": f"Bearer {self._secret}"}
        answer = eventually(
            lambda: local_http.get(url, headers=presented),
            lambda answer: answer.status_code != httpx.codes.SERVICE_UNAVAILABLE,  # it lost its lease for a moment
            seconds=60,
        )
        return [] if answer.status_code == httpx.codes.OK else answer.json()["violated-policies"]

    def _granted(self) -> float:
        metrics = self._running.stack.metrics("keys")
        (count,) = re.findall(r'^grillo_slot_calls_total{outcome="granted"} (\S+)$', metrics, re.M)
        return float(count)
