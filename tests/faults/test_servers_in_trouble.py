"""The servers behind several services, each in a trouble of its own: full, slow, out of memory or connections, killed.

One system for all, in turn: each must leave nothing behind. docs/operations.md (Degradation) says what they show.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.e2e.running import Distributed, eventually, judged
from tests.faults.lines import Lines
from tests.servers import Postgres, RabbitMq, Redis
from tests.shims.small_disk import SmallDisk, small_disk
from tests.stack import Stack

pytestmark = [
    pytest.mark.xdist_group("distributed"),
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk"),
]
GATES = 4
DISK_MIB, BALLAST_MIB = 700, 64
REQUESTS = 30
WITHIN_A_SHARE = 5
SLOW_SECONDS, TOO_SLOW_SECONDS = 0.01, 0.5  # of each piece that goes to or from PostgreSQL; a pull waits half a second


@dataclass(kw_only=True)
class Trouble:
    """`disk`, `lines`: PostgreSQL's."""

    running: Distributed
    postgres: Postgres
    broker: RabbitMq
    redis: Redis
    disk: SmallDisk
    lines: Lines
    asked: int = 0
    counted: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.counted = self.running.create_key("sensors:read")

    def read(self) -> int:
        with self.running.client(self.counted[1]) as reader:
            answer = reader.get("/v1/sensors?limit=1")
        self.asked += answer.status_code in (200, 429)
        return answer.status_code

    def read_all(self, requests: int = REQUESTS) -> None:
        """A busy machine's gates lose their lease now and then."""
        for _ in range(requests):
            assert eventually(self.read, lambda status: status != 503) == 200

    def end_a_key(self) -> Any:
        """The receipt, after which no gate takes the key."""
        key_id, secret = self.running.create_key("sensors:read")
        with self.running.admin() as admin:
            answer = judged(lambda: admin.post(f"/v1/keys/{key_id}/revoke"))
        assert answer.status_code == 200, answer.text
        receipt = answer.json()["receipt"]
        assert receipt["propagated"], receipt
        with self.running.client(secret) as ended:
            assert ended.get("/v1/sensors?limit=1").status_code in (401, 503)
        return receipt

    def is_over(self) -> None:
        """It came back without hands; nothing that was answered is lost, nor was a row of the log."""
        eventually(self.read, lambda status: status == 200, every=0.5)
        assert all("applied_ms" in gate for gate in self.end_a_key()["gates"])
        eventually(self.total, lambda total: total == self.asked, every=1)
        verified = self.running.stack.grillo("keys", "audit", "verify", "keys")
        assert verified.returncode == 0, verified.stdout + verified.stderr

    def total(self) -> int:
        with self.running.admin() as admin:
            told = judged(lambda: admin.get(f"/v1/keys/{self.counted[0]}/usage"))
        return int(told.raise_for_status().json()["total"])

    def as_superuser(self) -> psycopg.Connection:
        return psycopg.connect(self.postgres.address(), autocommit=True)


@pytest.fixture(scope="module")
def trouble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trouble]:
    folder, lines = tmp_path_factory.mktemp("stack"), Lines()
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
        stack = beside.enter_context(closing(Stack(folder, postgres, broker, redis)))
        postgres.port = its_own
        running = Distributed(stack)
        yield Trouble(running=running, postgres=postgres, broker=broker, redis=redis, disk=disk, lines=lines)


def test_a_broker_whose_disk_is_nearly_full_holds_up_no_revocation_no_request_and_no_gate_that_starts(
    trouble: Trouble,
) -> None:
    trouble.broker.alarm(is_on=True)
    try:
        trouble.read_all()
        assert all("applied_ms" in gate for gate in trouble.end_a_key()["gates"]), "reached by pulls"
        trouble.running.stack.restart("sensors")
        trouble.read_all()
    finally:
        trouble.broker.alarm(is_on=False)
    trouble.is_over()


def test_a_redis_out_of_memory_costs_no_request(trouble: Trouble) -> None:
    stack = trouble.running.stack
    with trouble.redis.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        try:
            eventually(lambda: stack.gates("on_shares"), lambda count: count == GATES, every=0.5)
            trouble.read_all(WITHIN_A_SHARE)
            trouble.end_a_key()
        finally:
            client.config_set("maxmemory", 0)
    eventually(lambda: stack.gates("on_shares"), lambda count: count == 0, seconds=120, every=1)
    trouble.is_over()


def test_a_slow_database_slows_down_and_a_slower_one_is_refused_by_gates(trouble: Trouble) -> None:
    trouble.lines.delay_seconds = SLOW_SECONDS
    try:
        trouble.read_all()
        trouble.end_a_key()
        trouble.lines.delay_seconds = TOO_SLOW_SECONDS
        eventually(trouble.read, lambda status: status == 503, every=0.5)
    finally:
        trouble.lines.delay_seconds = 0.0
    trouble.is_over()


def test_a_database_out_of_connections_is_refused_by_gates_and_comes_back(trouble: Trouble) -> None:
    roles = [database.name for database in trouble.running.stack.service_databases.values()]
    with trouble.as_superuser() as connection:
        _limit(connection, roles, 0)
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY(%s)", (roles,))
        try:
            eventually(trouble.read, lambda status: status == 503, every=0.5)
        finally:
            _limit(connection, roles, -1)
    trouble.is_over()


def test_a_database_that_is_killed_loses_nothing_that_was_answered(trouble: Trouble) -> None:
    made, _ = trouble.running.create_key("sensors:read")
    trouble.postgres.crash()
    try:
        eventually(trouble.read, lambda status: status == 503, every=0.5)
    finally:
        trouble.postgres.start()
    trouble.is_over()
    with trouble.running.admin() as admin:
        assert admin.get(f"/v1/keys/{made}").status_code == 200


def test_on_a_full_disk_of_the_database_a_key_is_ended_once_the_ballast_is_gone(trouble: Trouble) -> None:
    key_id, secret = trouble.running.create_key("sensors:read")
    ballast = trouble.postgres.make_ballast(BALLAST_MIB)
    trouble.disk.leave(0)
    try:
        _write_until_it_fails(trouble)
        eventually(trouble.read, lambda status: status == 503, every=0.5)
        ballast.unlink()
        if not trouble.postgres.is_running():
            trouble.postgres.start()  # as Docker does, again and again
        with trouble.running.admin() as admin, trouble.running.client(secret) as ended:
            answer = judged(lambda: admin.post(f"/v1/keys/{key_id}/revoke"))
            assert answer.json()["receipt"]["propagated"], answer.text
            assert ended.get("/v1/sensors?limit=1").status_code == 401
    finally:
        trouble.disk.relieve()
    trouble.is_over()


def _limit(connection: psycopg.Connection, roles: list[str], connections: int) -> None:
    for role in roles:
        statement = sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}")
        connection.execute(statement.format(sql.Identifier(role), sql.Literal(connections)))


def _write_until_it_fails(trouble: Trouble) -> None:
    """Of its write-ahead log PostgreSQL writes files anew that are there already, and so goes on for some time."""
    with contextlib.suppress(psycopg.Error), trouble.as_superuser() as connection:
        while True:
            connection.execute("SELECT pg_logical_emit_message(false, 'filler', repeat('x', 10_000_000))")
