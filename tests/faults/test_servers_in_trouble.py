"""The servers behind several services in a trouble of their own: full, slow, out of memory or connections, killed; and
hosts whose clocks are wrong.

One system for all, in turn, under load: each leaves nothing behind. What they show: docs/operations.md (Degradation).
"""

import contextlib
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from itertools import product
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.against_the_log import Log
from tests.e2e.running import Distributed, eventually, judged
from tests.faults.clocks_apart import DAY, DAY_LIMIT, ClocksApart
from tests.faults.lines import Lines
from tests.faults.load import Load, await_each_counted_once
from tests.faults.logged import little_is_logged
from tests.faults.sampling import sampled
from tests.faults.trouble import REQUESTS, Trouble
from tests.servers import Postgres, RabbitMq, Redis, ServerMissing
from tests.shims.small_disk import small_disk
from tests.shims.wrong_clock import WrongClock
from tests.stack import Stack

pytestmark = [
    pytest.mark.xdist_group("distributed"),
    pytest.mark.timeout(800),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk"),
]
SERVICES = ("keys", "auth", "usage", "sensors")
SEED = 24
LEASE_SECONDS = 5.0
LINES = 50
DISK_MIB, BALLAST_MIB, SPOOL_MIB = 400, 64, 64
SLOW_SECONDS, TOO_SLOW_SECONDS = 0.01, 0.5  # of each piece that goes to or from PostgreSQL; a pull waits half a second
BY = tuple(sign * seconds for seconds in (100 * DAY, 3 * DAY, 3600) for sign in (1, -1))
CLOCKS = list(product((*((name,) for name in SERVICES), SERVICES), BY, (True, False)))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trouble]:
    folder, lines = tmp_path_factory.mktemp("stack"), Lines()
    clocks = {name: WrongClock(tmp_path_factory.mktemp(name)) for name in SERVICES}
    with ExitStack() as beside:
        outside = Path(beside.enter_context(tempfile.TemporaryDirectory(prefix="grillo-disk-")))
        outside.chmod(0o711)  # PostgreSQL's user goes through
        disk = beside.enter_context(small_disk(outside / "disk", DISK_MIB))
        postgres = beside.enter_context(closing(Postgres(folder, disk.path)))
        with psycopg.connect(postgres.address(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET max_wal_size = '64MB'")
            connection.execute("SELECT pg_reload_conf()")
        broker = beside.enter_context(closing(RabbitMq(folder)))
        redis = beside.enter_context(closing(Redis(folder)))
        beside.callback(lines.close)
        its_own = postgres.port
        postgres.port = lines.to(its_own)
        spool_disk = beside.enter_context(small_disk(folder / "usage-spool", SPOOL_MIB))
        (folder / "stack.log").symlink_to(spool_disk.path / "stack.log")
        stack = Stack(folder, postgres, broker, redis, lease_seconds=LEASE_SECONDS, clocks=clocks)
        beside.enter_context(closing(stack))
        postgres.port = its_own
        made = Trouble(
            running=Distributed(stack),
            postgres=postgres,
            broker=broker,
            redis=redis,
            disk=disk,
            spool_disk=spool_disk,
            lines=lines,
            clocks=clocks,
        )
        # Of another organisation, whose limits nobody else draws on.
        with Load(Distributed(stack), seed=SEED) as ledger:
            yield made
        assert ledger.admitted_after_receipt == []
        log = beside.enter_context(closing(Log(stack.databases())))
        happened = log.happened()
        assert {("KeyCreated", key_id) for key_id in ledger.created} <= happened
        assert {("KeyRevoked", key_id) for key_id in ledger.revoked} <= happened
        await_each_counted_once(log, ledger)
        verified = stack.grillo("keys", "audit", "verify", "keys")
        assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.fixture
def trouble(system: Trouble) -> Iterator[Trouble]:
    """Whatever is wrong, all services together, and nginx, log little of it."""
    stack = system.running.stack
    with little_is_logged(stack.errors, processes=2 * len(stack.pids())):  # each may be started anew
        yield system


@pytest.fixture
def scene(trouble: Trouble) -> Iterator[ClocksApart]:
    with closing(ClocksApart(trouble.running, trouble.clocks)) as made:
        yield made


def test_a_redis_out_of_memory_costs_no_request(trouble: Trouble) -> None:
    stack = trouble.running.stack
    with trouble.redis.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        try:
            eventually(lambda: stack.gates("quota_on_shares"), lambda count: count == len(SERVICES), every=0.5)
            trouble.read_all()
            trouble.end_a_key()
        finally:
            client.config_set("maxmemory", 0)
    trouble.is_over()


def test_a_broker_whose_disk_is_nearly_full_holds_up_no_revocation_no_request_and_no_gate_that_starts(
    trouble: Trouble,
) -> None:
    with trouble.broker.alarm():
        trouble.read_all()
        assert all("applied_ms" in gate for gate in trouble.end_a_key()["gates"]), "reached by pulls"
        processes = trouble.running.stack.pids()
        trouble.running.stack.restart("sensors")
        trouble.read_all()
    trouble.is_over()
    left = [pid for role, pid in processes if not role.startswith("sensors: ")]
    assert set(left) <= {pid for _, pid in trouble.running.stack.pids()}, "nothing was started again"


def test_a_slow_database_slows_down_and_a_slower_one_is_refused_by_gates(trouble: Trouble) -> None:
    trouble.lines.delay_seconds = SLOW_SECONDS
    try:
        trouble.read_all()
        trouble.end_a_key()
        trouble.lines.delay_seconds = TOO_SLOW_SECONDS
        trouble.is_refused()
    finally:
        trouble.lines.delay_seconds = 0.0
    trouble.is_over()


def test_a_database_out_of_connections_is_refused_by_gates_and_comes_back(trouble: Trouble) -> None:
    roles = [database.name for database in trouble.running.stack.service_databases.values()]
    with trouble.as_superuser() as connection:
        _limit(connection, roles, 0)
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY(%s)", (roles,))
        try:
            trouble.is_refused()
        finally:
            _limit(connection, roles, -1)
    trouble.is_over()


def test_a_database_that_is_killed_loses_nothing_that_was_answered(trouble: Trouble) -> None:
    made, _ = trouble.running.create_key("sensors:read")
    trouble.postgres.crash()
    try:
        trouble.is_refused()
    finally:
        trouble.postgres.start()
    trouble.is_over()
    with trouble.running.admin() as admin:
        assert judged(lambda: admin.get(f"/v1/keys/{made}")).status_code == 200


@pytest.mark.parametrize(
    ("services", "wrong_by", "at_start"),
    sampled(CLOCKS, 2, (SERVICES, BY[0], True), (("keys",), BY[1], False)),
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else str(value),
)
def test_a_wrong_clock_of_a_service_ends_nothing_revives_nothing_and_all_is_counted(
    scene: ClocksApart, services: tuple[str, ...], wrong_by: int, at_start: bool
) -> None:
    try:
        scene.set_clocks(services, wrong_by, at_start=at_start)
        scene.ask()
        assert scene.statuses(scene.ends) == {403}, "gates judge by the log's time"
        revoked_id, revoked = scene.running.create_key("events:read")
        with scene.running.admin() as admin:
            answer = judged(lambda: admin.post(f"/v1/keys/{revoked_id}/revoke"))
        assert answer.raise_for_status().json()["receipt"]["propagated"], answer.text
        assert scene.statuses(revoked) == {401}
    finally:
        scene.set_clocks(services, 0, at_start=False)
    assert scene.statuses(revoked) == {401}
    assert scene.statuses(scene.ends) == {403}
    assert scene.made_once() == scene.first, "what was asked once is not done twice"
    scene.ask()
    assert max(scene.admitted.values()) <= DAY_LIMIT
    eventually(scene.total, lambda total: total == scene.asked, seconds=300, every=1)  # usage is the nicest


def test_on_a_full_disk_of_the_database_a_key_is_ended_once_the_ballast_is_gone(trouble: Trouble) -> None:
    """The last: PostgreSQL's files have grown by then."""
    key_id, secret = trouble.running.create_key("sensors:read")
    ballast = trouble.postgres.make_ballast(BALLAST_MIB)
    trouble.disk.leave(0)
    try:
        _write_until_it_fails(trouble)
        with trouble.running.admin() as admin:
            eventually(lambda: _described_anew(admin, key_id), lambda status: status == 503)
        ballast.unlink()
        eventually(lambda: _is_started(trouble.postgres), bool, every=0.5)
        with trouble.running.admin() as admin, trouble.running.client(secret) as ended:
            answer = judged(lambda: admin.post(f"/v1/keys/{key_id}/revoke"))
            assert answer.json()["receipt"]["propagated"], answer.text
            assert ended.get("/v1/sensors?limit=1").status_code in (401, 503)
    finally:
        trouble.disk.relieve()
    trouble.is_over()
    gates = trouble.running.stack.gates
    eventually(lambda: gates("on_shares"), lambda count: count == 0, seconds=120, every=1)  # Redis has long been back


def test_a_full_disk_of_a_gate_s_spool_and_of_all_logs_costs_no_request_but_its_count(trouble: Trouble) -> None:
    stack = trouble.running.stack
    key_id, secret = trouble.running.create_key("admin")
    with trouble.running.client(secret) as reader:

        def read() -> int:
            return reader.get("/v1/usage").status_code

        stack.restart("usage")  # one that runs has room for thousands already, and one that stops leaves some
        trouble.spool_disk.leave(0)
        try:
            before = _unmetered(stack)
            for _ in range(REQUESTS):
                assert eventually(read, lambda status: status != httpx.codes.SERVICE_UNAVAILABLE) == httpx.codes.OK
            trouble.end_a_key()
            assert _unmetered(stack) >= before + REQUESTS
            _fail_to_deliver(trouble, LINES)
            assert stack.errors().count("delivery_refused") < LINES, "there was room"
        finally:
            trouble.spool_disk.relieve()
        unmetered = _unmetered(stack)
        for _ in range(REQUESTS):
            assert eventually(read, lambda status: status != httpx.codes.SERVICE_UNAVAILABLE) == httpx.codes.OK
    with trouble.running.admin() as admin:
        used = f"/v1/keys/{key_id}/usage"
        total = eventually(lambda: judged(lambda: admin.get(used)).json()["total"], lambda total: total >= REQUESTS)
    assert total == REQUESTS, "those of the full disk are counted nowhere"
    assert _unmetered(stack) == unmetered, "by itself, once there was room"
    trouble.is_over()


def _fail_to_deliver(trouble: Trouble, times: int) -> None:
    """To a channel behind which nobody answers: each time is a line in usage's log."""
    with trouble.running.admin() as admin:
        dead = judged(lambda: admin.post("/v1/channels", json={"kind": "webhook", "url": "http://127.0.0.1:9"})).json()
        for _ in range(times):
            assert judged(lambda: admin.post(f"/v1/channels/{dead['id']}/test")).is_success
        sent = f"/v1/deliveries?channel_id={dead['id']}&limit=100"
        tried = partial(_tried, admin, sent)
        eventually(tried, lambda count: count >= times, every=1)
        assert judged(lambda: admin.delete(f"/v1/channels/{dead['id']}")).is_success


def _tried(admin: httpx.Client, sent: str) -> int:
    return sum(bool(delivery["attempts"]) for delivery in judged(lambda: admin.get(sent)).json()["data"])


def _unmetered(stack: Stack) -> float:
    return sum(map(float, re.findall(r"^grillo_meter_unmetered_total (\S+)$", stack.metrics("usage"), re.M)))


def _described_anew(admin: httpx.Client, key_id: str) -> int:
    return admin.patch(f"/v1/keys/{key_id}", json={"description": secrets.token_hex(100)}).status_code


def _is_started(postgres: Postgres) -> bool:
    """Where it has ended, as Docker does, again and again."""
    with contextlib.suppress(ServerMissing):
        if not postgres.is_running():
            postgres.start()
        return True
    return False


def _limit(connection: psycopg.Connection, roles: list[str], connections: int) -> None:
    for role in roles:
        statement = sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}")
        connection.execute(statement.format(sql.Identifier(role), sql.Literal(connections)))


def _write_until_it_fails(trouble: Trouble) -> None:
    """Of its write-ahead log PostgreSQL writes files anew that are there already, and so goes on for some time."""
    with contextlib.suppress(psycopg.Error), trouble.as_superuser() as connection:
        while True:
            connection.execute("SELECT pg_logical_emit_message(false, 'filler', repeat('x', 10_000_000))")
