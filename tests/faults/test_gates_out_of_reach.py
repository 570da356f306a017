"""A gate that its log cannot reach, or that stands still, is refused its say before a receipt counts it out.

One system for all: each test leaves it whole, and the last looks through all that it has written.
"""

import http.client
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from tests import local_http
from tests.against_the_log import GATES, Log, verdicts
from tests.e2e.running import SECRET, Distributed, eventually
from tests.faults.lines import Cut, Lines
from tests.faults.load import Load, await_each_counted_once
from tests.servers import Postgres, RabbitMq, Redis, suspended
from tests.stack import Stack

LEASE_SECONDS, MARGIN_SECONDS = 5.0, 0.5
AWAY_SECONDS = 60.0
SEED = 20261125
CALLERS = 25
pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the servers and services write, but for PostgreSQL's data."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def postgres(folder: Path) -> Iterator[Postgres]:
    with closing(Postgres(folder)) as server:
        yield server


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[RabbitMq]:
    with closing(RabbitMq(folder)) as server:
        yield server


@pytest.fixture(scope="module")
def redis(folder: Path) -> Iterator[Redis]:
    with closing(Redis(folder)) as server:
        yield server


@pytest.fixture(scope="module")
def lines() -> Iterator[Lines]:
    """Those of sensors: to the internal doors of the others, and to RabbitMQ."""
    lines = Lines()
    yield lines
    lines.close()


@pytest.fixture(scope="module")
def running(folder: Path, postgres: Postgres, broker: RabbitMq, redis: Redis, lines: Lines) -> Iterator[Distributed]:
    ways = {"sensors": lines.to}
    with closing(Stack(folder, postgres, broker, redis, lease_seconds=LEASE_SECONDS, through=ways)) as stack:
        yield Distributed(stack)
        lines.mend()


@pytest.fixture(scope="module")
def log(running: Distributed) -> Iterator[Log]:
    log = Log(running.stack.databases())
    yield log
    log.close()


@pytest.mark.parametrize("how", ["refused", "silent"])
def test_a_gate_cut_off_refuses_all_from_its_lease_s_end_and_recovers_alone(
    running: Distributed, lines: Lines, log: Log, how: Cut
) -> None:
    stack = running.stack
    _, alive = running.create_key("events:read")
    revoked_id, revoked = running.create_key("events:read")
    processes = _sensors(stack)
    with Load(running, seed=SEED, writes=False) as ledger, ThreadPoolExecutor(1) as pool:
        assert _asked(stack, alive) == _asked(stack, revoked) == 200
        lines.cut(how)
        cut_at = time.monotonic()
        revocation = pool.submit(_revoke, running, revoked_id)
        said: list[tuple[float, int]] = []
        while wait([revocation], timeout=0.1).not_done:
            said += [(time.monotonic(), _asked(stack, secret)) for secret in (alive, revoked)]
        receipt = revocation.result()
        ledger.revoked[revoked_id] = revoked  # from now on it is tried without end
        assert receipt["propagated"]
        assert [gate.get("counted_out", False) for gate in receipt["gates"]].count(True) == 1
        assert receipt["elapsed_ms"] >= (LEASE_SECONDS + MARGIN_SECONDS) * 1000
        assert 200 in {status for _, status in said}, "until then it serves"
        late = [status for asked_at, status in said if asked_at > cut_at + LEASE_SECONDS]
        assert set(late) == {503}
        problem = local_http.get(f"{stack.public_url('sensors')}/v1/events", headers=_bearing(alive)).json()
        assert problem["type"].endswith("gate-not-fresh")
        for service in set(GATES) - {"sensors"}:
            assert verdicts(stack, service, [revoked, alive]) == [401, 403], "the others go on"
        lines.mend()
        eventually(lambda: (_asked(stack, alive), _asked(stack, revoked)), lambda both: both == (200, 401), seconds=60)
    assert ledger.admitted_after_receipt == []
    assert _sensors(stack) == processes, "alone: nothing was started again"
    await_each_counted_once(log, ledger)
    _wait_until_all_gates_acknowledge(running)


@pytest.mark.parametrize("pulls", ["held up", "at once"])
def test_a_process_suspended_past_its_lease_wakes_to_no_verdict_in_a_key_s_favour(
    running: Distributed, lines: Lines, log: Log, pulls: Literal["held up", "at once"]
) -> None:
    stack = running.stack
    _, alive = running.create_key("events:read")
    revoked_id, revoked = running.create_key("events:read")
    with Load(running, seed=SEED, writes=False) as ledger:
        known = [_sent(stack, revoked) for _ in range(CALLERS)]
        assert {_status(caller) for caller in known} == {200}
        with suspended(_sensors(stack)):  # as `docker pause` does
            waiting = [_sent(stack, revoked, caller) for caller in known]
            waiting += [_sent(stack, revoked) for _ in range(CALLERS)]
            receipt = _revoke(running, revoked_id)
            ledger.revoked[revoked_id] = revoked
            assert receipt["propagated"]
            assert [gate.get("counted_out", False) for gate in receipt["gates"]].count(True) == 1
            waiting += [_sent(stack, revoked) for _ in range(2 * CALLERS)]
            if pulls == "held up":
                lines.cut("silent")
        statuses = Counter(_status(caller) for caller in waiting)
        lines.mend()
        assert sum(statuses.values()) == 4 * CALLERS
        if pulls == "held up":
            assert set(statuses) == {503}
        assert set(statuses) <= {401, 503}
        eventually(lambda: (_asked(stack, alive), _asked(stack, revoked)), lambda both: both == (200, 401), seconds=60)
    assert ledger.admitted_after_receipt == []
    await_each_counted_once(log, ledger)
    _wait_until_all_gates_acknowledge(running)


def test_a_minute_without_rabbitmq_costs_no_request_and_revocations_hold_within_a_pull(
    running: Distributed, broker: RabbitMq, log: Log, record_testsuite_property: Callable[[str, object], None]
) -> None:
    stack = running.stack
    elapsed_ms: list[int] = []
    with Load(running, seed=SEED, writes=False) as ledger:
        broker.stop()
        back_at = time.monotonic() + AWAY_SECONDS
        while time.monotonic() < back_at or len(elapsed_ms) < 10:
            key_id, secret = running.create_key("events:read")
            receipt = _revoke(running, key_id)
            assert [set(verdicts(stack, service, [secret])) for service in GATES] == [{401}] * len(GATES)
            ledger.revoked[key_id] = secret
            assert all("applied_ms" in gate for gate in receipt["gates"]), "by pulls: none was waited out"
            elapsed_ms.append(receipt["elapsed_ms"])
        broker.start()
    record_testsuite_property("slowest receipt, in ms", max(elapsed_ms))
    assert ledger.admitted_after_receipt == []
    assert ledger.unanswered == []
    assert ledger.statuses.keys() == {200, 429}, "429 is the readers' own limit"
    await_each_counted_once(log, ledger)
    eventually(log.behind, lambda behind: behind == [], seconds=60, every=0.5)


def test_after_all_of_it_no_secret_is_in_any_file_or_output(
    running: Distributed, folder: Path, postgres: Postgres, log: Log
) -> None:
    stack = running.stack
    key_id, secret = running.create_key("events:read")
    with Load(running, seed=SEED) as ledger:
        eventually(lambda: min(len(ledger.revoked), len(ledger.answered)), lambda least: least >= 10, seconds=60)
        for url in (running.url, *map(stack.public_url, ("keys", "auth", "usage", "sensors"))):
            with local_http.client(base_url=url, timeout=30) as caller:
                caller.get(f"/{secret}")
                caller.get("/v1/keys", params={"api_key": secret, "search": secret})
                caller.get(f"/v1/keys/{secret}", headers=_bearing(secret) | {"Referer": secret, "X-Request-Id": secret})
                caller.get("/v1/events", headers=_bearing(secret) | {"User-Agent": secret})
    await_each_counted_once(log, ledger)
    for service in ("keys", "auth", "usage", "sensors"):
        assert SECRET.search(stack.metrics(service).encode()) is None
    contents = {file: _content(file) for root in (folder, postgres.data) for file in root.rglob("*") if file.is_file()}
    assert any(key_id.encode() in content for content in contents.values()), "what is written is looked at"
    assert any(file.suffix == ".segment" for file in contents)
    assert [str(file) for file, content in contents.items() if SECRET.search(content)] == []


def _sensors(stack: Stack) -> set[int]:
    return {pid for role, pid in stack.pids() if role.startswith("sensors: ")}


def _bearing(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def _asked(stack: Stack, secret: str) -> int:
    """What the gate of sensors says of a key that may read events."""
    return local_http.get(f"{stack.public_url('sensors')}/v1/events", headers=_bearing(secret), timeout=30).status_code


def _sent(stack: Stack, secret: str, caller: http.client.HTTPConnection | None = None) -> http.client.HTTPConnection:
    """Asked of the gate of sensors, on a connection of its own; the answer may wait."""
    url = httpx.URL(stack.public_url("sensors"))
    caller = caller or http.client.HTTPConnection(url.host, url.port, timeout=60)
    caller.request("GET", "/v1/events", headers=_bearing(secret))
    return caller


def _status(caller: http.client.HTTPConnection) -> int:
    answer = caller.getresponse()
    answer.read()
    return answer.status


def _revoke(running: Distributed, key_id: str) -> dict[str, Any]:
    with running.admin() as admin:
        answer = admin.post(f"/v1/keys/{key_id}/revoke")
    assert answer.status_code == 200, answer.text
    receipt: dict[str, Any] = answer.json()["receipt"]
    return receipt


def _wait_until_all_gates_acknowledge(running: Distributed) -> None:
    """One that was counted out has its row again, and moves it."""
    services = len(running.stack.databases())
    eventually(
        lambda: _revoke(running, running.create_key("events:read")[0])["gates"],
        lambda gates: len([gate for gate in gates if "applied_ms" in gate]) == services,
        seconds=60,
        every=0.5,
    )


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:  # gone since it was listed
        return b""
