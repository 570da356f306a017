"""From a revocation to its refusal at the doors of all four gates, distributed: by push, and with RabbitMQ stopped.

The same key is tried at each gate's own door, over and over, from the moment when the revocation is sent until the gate
answers 401. Times end when that answer is here, so each contains one request's own time; they begin when the revocation
is sent, or with its decision (`revoked_at`, which is before the commit). The load is an open loop that asks all four
gates alike; what tries the key is part of it. Services, servers and callers share the machine's cores.
"""

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle
from pathlib import Path

import httpx

from benchmarks.loads.connection import Connection, request_to
from benchmarks.loads.paced import WITHOUT_END, PacedLoad
from benchmarks.loads.wrk import write_headers
from tests.servers import Postgres, RabbitMq, Redis
from tests.stack import Stack

# Each asks its gate, and then no database: three are answered 400, by what they ask.
DOORS = {
    "keys": "/v1/keys?limit=0",
    "auth": "/v1/authorize?permission=events:read",
    "usage": "/v1/usage?nothing=1",
    "sensors": "/v1/sensors?limit=0",
}
ADMINS, CALLING_KEYS, CREATORS = 10, 600, 24
REVOCATIONS, REVOCATIONS_IN_A_CROWD, REVOCATIONS_WITHOUT_PUSH = 150, 30, 20
CAPACITY_SECONDS = 5
# Longer than the revocations beside it take: it is their load all the time.
LOAD_SECONDS = 300
PAUSE_SECONDS = 0.005
TARGET_MS, TARGET_WITHOUT_PUSH_MS = 20, 1100


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """Milliseconds until the last of the four gates refused, and as the receipt tells."""

    since_sent_ms: float
    since_decided_ms: float
    receipt_ms: int


class Organisation:
    """One of the highest tier, with keys that carry the load and keys to be revoked."""

    def __init__(self, stack: Stack) -> None:
        told = stack.grillo("keys", "organisation", "register", "Benchmark", "--tier", "premium")
        first = stack.grillo("keys", "organisation", "admin-key", told.stdout.strip()).stdout.strip()
        self._http = httpx.Client(base_url=stack.public_url("keys"), timeout=120)
        self.put_off = 0  # calls answered 429 or 503, and sent again
        self._admins = cycle([first])
        while self._http.get("/v1/keys/self", headers=self._as_admin()).status_code != httpx.codes.OK:
            time.sleep(0.05)
        # Several, for each has a minute's limit, and only a share of it while Redis does not answer in time.
        self._admins = cycle([secret for _, secret in self.create(ADMINS, "admin")])

    def create(self, count: int, permission: str) -> list[tuple[str, str]]:
        """(id, secret) of each."""
        body: dict[str, object] = {"name": "Benchmark", "permissions": [permission]}

        def create(_number: int) -> tuple[str, str]:
            _, answer = self._post("/v1/keys", body)
            created = answer.json()
            return created["id"], created["key"]

        with ThreadPoolExecutor(CREATORS) as creators:
            return list(creators.map(create, range(count)))

    def revoke(self, key_id: str) -> tuple[float, float, int]:
        """When it was sent and decided, in seconds of `time.time`, and what the receipt says."""
        sent, answer = self._post(f"/v1/keys/{key_id}/revoke", {})
        told = answer.json()
        assert told["receipt"]["propagated"]
        return sent, datetime.fromisoformat(told["revoked_at"]).timestamp(), told["receipt"]["elapsed_ms"]

    def _post(self, path: str, body: dict[str, object]) -> tuple[float, httpx.Response]:
        """Until it is taken, as a client would: when that was sent, and its answer."""
        while True:
            sent = time.time()
            answer = self._http.post(path, json=body, headers=self._as_admin())
            if answer.status_code not in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
                return sent, answer.raise_for_status()
            self.put_off += 1
            time.sleep(int(answer.headers["Retry-After"]))

    def _as_admin(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {next(self._admins)}"}


class Doors:
    """All four, tried at once with one key after the other."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self._connections = [Connection(url) for url in urls]
        self._threads = ThreadPoolExecutor(len(urls))

    def revoke(self, organisation: Organisation, key_id: str, secret: str) -> Revoked:
        over = threading.Event()
        tries = [
            self._threads.submit(_until_refused, connection, request_to(url, f"Bearer {secret}"), over)
            for connection, url in zip(self._connections, self._urls, strict=True)
        ]
        sent, decided, receipt_ms = organisation.revoke(key_id)
        over.set()  # whoever asks from now on must be refused
        refused = max(each.result() for each in tries)
        return Revoked(
            since_sent_ms=(refused - sent) * 1000, since_decided_ms=(refused - decided) * 1000, receipt_ms=receipt_ms
        )


def _until_refused(connection: Connection, request: bytes, over: threading.Event) -> float:
    """When the first 401 was here. None may pass that was sent after the receipt: G1."""
    while True:
        is_over = over.is_set()
        status = connection.ask(request)
        if status == httpx.codes.UNAUTHORIZED:
            return time.time()
        # A gate that is not fresh passes nobody: 503.
        assert not is_over or status == httpx.codes.SERVICE_UNAVAILABLE, f"{status} after the receipt of a revocation"
        time.sleep(PAUSE_SECONDS)


def main() -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as closing:
        folder = Path(name)
        postgres, rabbitmq, redis = Postgres(folder), RabbitMq(folder), Redis(folder)
        for server in (postgres, rabbitmq, redis):
            closing.callback(server.close)
        stack = Stack(folder, postgres, rabbitmq, redis)
        closing.callback(stack.close)
        organisation = Organisation(stack)
        callers = organisation.create(CALLING_KEYS, "admin")
        headers = write_headers(folder / "headers", (f"Bearer {secret}" for _, secret in callers))
        urls = [stack.public_url(service) + path for service, path in DOORS.items()]
        told = PacedLoad(headers, WITHOUT_END, CAPACITY_SECONDS, urls).told()
        beside = max(told.per_second / 2 - len(DOORS) / PAUSE_SECONDS, 1.0)
        print(
            f"capacity of the four gates, with all else on this machine: {told.per_second:,.0f}/s; half load is"
            f" {beside:,.0f}/s and the tries, {1 / PAUSE_SECONDS:.0f}/s at each door at most",
            flush=True,
        )

        def measure(what: str, revocations: int, per_second: float | None, target_ms: float | None) -> None:
            keys = organisation.create(revocations, "events:read")
            with _load(lambda: PacedLoad(headers, per_second or 0, LOAD_SECONDS, urls), is_wanted=bool(per_second)):
                doors = Doors(urls)
                _show(what, [doors.revoke(organisation, *key) for key in keys], target_ms)
            print(f"{'':24}calls put off so far, by limits or by a gate that was not fresh: {organisation.put_off}")

        measure("no load", REVOCATIONS, None, None)
        measure("half load", REVOCATIONS, beside, TARGET_MS)
        measure("full load", REVOCATIONS_IN_A_CROWD, WITHOUT_END, None)
        rabbitmq.stop()
        measure("no RabbitMQ, half load", REVOCATIONS_WITHOUT_PUSH, beside, TARGET_WITHOUT_PUSH_MS)
        rabbitmq.start()


@contextmanager
def _load(start: Callable[[], PacedLoad], *, is_wanted: bool) -> Iterator[None]:
    if not is_wanted:
        yield
        return
    load = start()
    try:
        time.sleep(1)  # until it is under way
        yield
        assert not load.is_over()
    finally:
        load.stop()


def _show(what: str, revoked: list[Revoked], target_ms: float | None) -> None:
    figures = {
        "sent": [each.since_sent_ms for each in revoked],
        "decided": [each.since_decided_ms for each in revoked],
        "receipt": [float(each.receipt_ms) for each in revoked],
    }
    told = []
    for name, milliseconds in figures.items():
        cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
        told.append(f"{name} p50 {cuts[49]:.1f} p99 {cuts[98]:.1f} max {max(milliseconds):.1f}")
    p99 = statistics.quantiles(figures["decided"], n=100, method="inclusive")[98]
    verdict = "" if target_ms is None else f"; target p99 {target_ms:g} ms since decided: "
    if target_ms is not None:
        verdict += "met" if p99 < target_ms else "missed"
    print(
        f"{what:24}{len(revoked)} revocations, ms until all four refuse, since: {', '.join(told)}{verdict}", flush=True
    )


if __name__ == "__main__":
    main()
