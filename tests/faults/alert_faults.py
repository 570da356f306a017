"""Faults on a running system that alerts are to tell of: each lasts as long as its context."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import kombu
import msgspec
import psycopg
from psycopg import sql

from shared.contracts import keys
from shared.gate.metering.spool_segment import SpoolSegment
from shared.messaging.rpc.call import CallFailed, call
from tests import local_http
from tests.e2e.running import Distributed, eventually, judged
from tests.receivers import receiver, status
from tests.servers import Postgres, RabbitMq, Redis, suspended
from tests.shims.wrong_clock import WrongClock
from tests.stack import Stack
from tests.trust.attacker import publish
from tests.trust.attacks import segments_of
from tests.trust.forger import head_of, in_envelope
from tests.usage_examples import batch, record

ROOMY_MIB, TIGHT_MIB = 2048, 192
_DAY = 86_400
_BLINK_SECONDS = 3.0  # a key is made within one of them, so that the next revocation waits for the two others
_MUCH_BYTES = 66 * 2**20
_AGO = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """`clock`: of the host of sensors. `disk`: of the spool of usage's gate, of ROOMY_MIB if it is full."""

    running: Distributed
    postgres: Postgres
    broker: RabbitMq
    redis: Redis
    clock: WrongClock
    disk: Path

    @property
    def stack(self) -> Stack:
        return self.running.stack

    def database_of(self, service: str) -> psycopg.Connection:
        """As PostgreSQL's superuser."""
        name = self.stack.service_databases[service].name
        address = self.postgres.address().replace("dbname=postgres", f"dbname={name}")
        return psycopg.connect(address, autocommit=True)

    def role_of(self, service: str) -> str:
        return self.stack.service_databases[service].name

    def pids(self, role: str) -> list[int]:
        """Of the processes whose role begins so, as `stack.pids` tells it, the parents first."""
        return sorted(pid for found, pid in self.stack.pids() if found.startswith(role))


Fault = Callable[[Scene], AbstractContextManager[None]]


@contextmanager
def a_receiver_is_gone(scene: Scene) -> Iterator[None]:
    """410: its channel is disabled at once, and what it was to get is held."""
    with receiver(status(410)) as gone, scene.running.admin() as admin:
        made = judged(lambda: admin.post("/v1/channels", json={"kind": "webhook", "url": gone.url()}))
        channel = f"/v1/channels/{made.raise_for_status().json()['id']}"
        judged(lambda: admin.post(f"{channel}/test")).raise_for_status()
        gone.wait_for(1)
        yield
        judged(lambda: admin.delete(channel)).raise_for_status()


@contextmanager
def a_clock_is_set(scene: Scene) -> Iterator[None]:
    scene.clock.set(3 * _DAY)
    try:
        yield
    finally:
        scene.clock.set(0)


@contextmanager
def rules_meet_what_they_cannot_read(scene: Scene) -> Iterator[None]:
    nonsense = "INSERT INTO pending_evaluation (body) VALUES ('nonsense')"
    with scene.database_of("usage") as connection, _again_and_again(lambda: connection.execute(nonsense)):
        yield


@contextmanager
def sensors_may_not_read_its_tables(scene: Scene) -> Iterator[None]:
    """Those of seismic events, which requests and scrapes ask for, and of networks, which its callers do."""
    role, amqp_uri = sql.Identifier(scene.role_of("sensors")), scene.stack.amqp_uri("keys")

    def ask() -> None:
        with contextlib.suppress(CallFailed):
            call(amqp_uri, "sensors", "networks_of", scene.running.organisation, seconds_max=10)

    with scene.database_of("sensors") as connection:
        connection.execute(sql.SQL("REVOKE SELECT ON seismic_event, network FROM {}").format(role))
        try:
            with _again_and_again(ask):
                yield
        finally:
            connection.execute(sql.SQL("GRANT SELECT ON seismic_event, network TO {}").format(role))


@contextmanager
def a_forged_push(scene: Scene) -> Iterator[None]:
    """With the account of keys, and without its signing key."""
    changed = keys.TierChanged(organisation_id=scene.running.organisation, tier="premium")

    def forge() -> None:
        forged = in_envelope(changed, head_of(scene.stack))
        publish(scene.stack.amqp_uri("keys"), "keys.events", forged.type, forged, user_id="keys")

    with _again_and_again(forge):
        yield


@contextmanager
def a_message_in_another_s_name(scene: Scene) -> Iterator[None]:
    uri, forged = scene.stack.amqp_uri("grillo"), batch(record(), segment="forged")
    with _again_and_again(lambda: publish(uri, "auth.events", "RequestMetered", forged, user_id="grillo")):
        yield


@contextmanager
def a_gate_in_another_s_name(scene: Scene) -> Iterator[None]:
    headers = {"Authorization": f"Bearer {scene.stack.settings('sensors')['INTERNAL_TOKEN']}"}
    gates = re.findall(r'grillo_gate_replica_position\{gate="(\w+)"', scene.stack.metrics("auth"))
    url = f"{scene.stack.internal_url('keys')}/internal/feed?gate={gates[0]}&events=1"
    with _again_and_again(lambda: local_http.get(url, headers=headers, timeout=30)):
        yield


@contextmanager
def tokens_are_tried(scene: Scene) -> Iterator[None]:
    url, headers = f"{scene.stack.internal_url('usage')}/metrics", {"Authorization": "Bearer nobody"}

    def try_some() -> None:
        for _ in range(12):
            local_http.get(url, headers=headers, timeout=30)

    with _again_and_again(try_some):
        yield


@contextmanager
def a_message_that_nobody_can_read(scene: Scene) -> Iterator[None]:
    publish(scene.stack.amqp_uri("sensors"), "sensors.events", "ExportEnded", {}, user_id="sensors")
    yield
    with kombu.Connection(scene.stack.amqp_uri("grillo")) as connection:
        connection.channel().queue_purge("usage.follows.sensors.ExportEnded.dead")


@contextmanager
def a_batch_of_another_s_segment(scene: Scene) -> Iterator[None]:
    (segment, *_) = eventually(lambda: segments_of(scene.running, "keys"), bool)
    uri, forged = scene.stack.amqp_uri("sensors"), batch(record(), segment=segment)
    with _again_and_again(lambda: publish(uri, "auth.events", "RequestMetered", forged, user_id="sensors")):
        yield


@contextmanager
def an_event_cannot_be_applied(scene: Scene) -> Iterator[None]:
    with scene.database_of("auth") as connection:
        connection.execute('ALTER TABLE "grant" ADD CONSTRAINT full_up CHECK (false) NOT VALID')
        try:
            scene.running.create_key("events:read")
            yield
        finally:
            connection.execute('ALTER TABLE "grant" DROP CONSTRAINT full_up')
            scene.stack.grillo("auth", "dead", "replay", "auth").check_returncode()


@contextmanager
def a_row_is_damaged(scene: Scene) -> Iterator[None]:
    """Of an organisation that has no keys; a gate that starts reads it."""
    done = scene.stack.grillo("keys", "organisation", "register", "Damaged", "--tier", "standard")
    done.check_returncode()
    headers = {"Authorization": f"Bearer {scene.stack.settings('sensors')['INTERNAL_TOKEN']}"}
    change = "UPDATE organisation_tier SET checksum = checksum + %s WHERE organisation_id = %s"
    organisation, url = done.stdout.strip(), f"{scene.stack.internal_url('auth')}/internal/grants"
    with scene.database_of("auth") as connection:
        eventually(lambda: connection.execute(change, (1, organisation)).rowcount, lambda count: count == 1)
        with _again_and_again(lambda: local_http.get(url, headers=headers, timeout=30)):
            yield
        connection.execute(change, (-1, organisation))


@contextmanager
def redis_is_out_of_memory(scene: Scene) -> Iterator[None]:
    with scene.redis.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        try:
            yield
        finally:
            client.config_set("maxmemory", 0)


@contextmanager
def the_relay_is_slow(scene: Scene) -> Iterator[None]:
    """It gets on by an event in a second, while more come; what it publishes again and again, nobody minds."""
    crawl = "BEGIN PERFORM pg_sleep(1); NEW.position := OLD.position + 1; RETURN NEW; END"
    with scene.database_of("keys") as connection:
        connection.execute(f"CREATE FUNCTION crawl() RETURNS trigger LANGUAGE plpgsql AS $$ {crawl} $$")
        connection.execute("CREATE TRIGGER crawl BEFORE UPDATE ON relay_cursor FOR EACH ROW EXECUTE FUNCTION crawl()")
        try:
            many = {"keys": [{"name": "One of many", "permissions": ["events:read"]}] * 100}
            with (
                scene.running.admin() as admin,
                _again_and_again(lambda: judged(lambda: admin.post("/v1/keys/batch", json=many)), every=5.0),
            ):
                yield
        finally:
            connection.execute("DROP TRIGGER crawl ON relay_cursor")
            connection.execute("DROP FUNCTION crawl()")


@contextmanager
def usage_counts_nothing(scene: Scene) -> Iterator[None]:
    """A lock is left open, and ten minutes ago a process of usage's gate died, which had much in its spool. What starts
    in its place takes that over, on a disk that is full from then on.
    """
    with scene.database_of("usage") as connection, connection.transaction():
        connection.execute("LOCK TABLE counter_day IN EXCLUSIVE MODE")
        _leave_much(scene)
        for pid in scene.pids("usage: services.distributed.web usage public"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        eventually(lambda: _answers(scene, "usage"), bool, seconds=120)
        with (
            _full(scene.disk),
            scene.running.admin() as admin,
            _again_and_again(lambda: admin.get("/v1/usage")),
        ):
            yield


@contextmanager
def a_follower_waits_for_a_lock(scene: Scene) -> Iterator[None]:
    with scene.database_of("auth") as connection, connection.transaction():
        connection.execute('LOCK TABLE "grant" IN EXCLUSIVE MODE')
        scene.running.create_key("events:read")
        yield


@contextmanager
def web_processes_are_gone(scene: Scene) -> Iterator[None]:
    """And the supervisor, which would start them again, stands still."""
    with suspended(scene.pids("sensors: services.cli run")):
        for pid in reversed(scene.pids("sensors: services.distributed.web sensors public")):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        yield


@contextmanager
def a_gate_is_slow(scene: Scene) -> Iterator[None]:
    """It stands still for three seconds, again and again."""
    pids = scene.pids("auth: services.distributed.web auth public")

    def blink() -> None:
        with suspended(pids):
            time.sleep(_BLINK_SECONDS)

    with _again_and_again(blink, every=0.2):
        yield


@contextmanager
def the_broker_is_away(scene: Scene) -> Iterator[None]:
    scene.broker.stop()
    try:
        scene.running.create_key("events:read")
        yield
    finally:
        scene.broker.start()


@contextmanager
def the_log_was_put_back(scene: Scene) -> Iterator[None]:
    """As it is marked once a follower has shown it."""
    with scene.database_of("keys") as connection:
        connection.execute("UPDATE log_head SET divergence = '{}'")
        try:
            yield
        finally:
            connection.execute("UPDATE log_head SET divergence = NULL")


@contextmanager
def keys_stands_still(scene: Scene) -> Iterator[None]:
    """All its processes, as on a host that hangs."""
    with suspended(scene.pids("keys: ")):
        yield


@contextmanager
def _again_and_again(act: Callable[[], object], *, every: float = 1.0) -> Iterator[None]:
    """What was done once, between two scrapes of which one failed, is in none of a rule's short windows."""
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            act()
            over.wait(every)

    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(go_on)
        try:
            yield
        finally:
            over.set()
            acting.result()


def _leave_much(scene: Scene) -> None:
    """In records as long as they may be, so that there are few to count."""
    key_id, _ = scene.running.create_key("events:read")
    left = record(
        request_id="🌋" * 100,
        at=datetime.now(UTC) - _AGO,
        key_id=key_id,
        organisation_id=scene.running.organisation,
        user_agent="🌋" * 200,
    )
    folder = scene.disk
    segment, payload = SpoolSegment.create(folder), msgspec.json.encode(left)
    while segment.size < _MUCH_BYTES:
        segment.append(payload)
    shutil.chown(segment.path, folder.stat().st_uid, folder.stat().st_gid)
    segment.close()


@contextmanager
def _full(disk: Path) -> Iterator[None]:
    ballast = disk / "ballast"
    _resize(disk, TIGHT_MIB)
    told = os.statvfs(disk)
    try:
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, told.f_bavail * told.f_frsize)
        yield
    finally:
        ballast.unlink()
        _resize(disk, ROOMY_MIB)


def _answers(scene: Scene, service: str) -> bool:
    try:
        return local_http.get(f"{scene.stack.public_url(service)}/readyz", timeout=5).is_success
    except httpx.HTTPError:
        return False


def _resize(disk: Path, mebibytes: int) -> None:
    subprocess.run(["/usr/bin/mount", "-o", f"remount,size={mebibytes}m", str(disk)], check=True)
