"""A warm request's verdict asks nobody: one query for the data, and no message. What others wait for is as short."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from falcon import testing
from sqlalchemy import Engine, event

from services.auth import assembly as auth
from services.keys import assembly as keys
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from services.keys.revocation.gate_rows import GateRows
from services.sensors import assembly as sensors
from services.sensors.ingest import samples
from shared.contracts.envelope import CloudEvent
from shared.eventsourcing.origin import Origin
from shared.gate.gate import Gate
from shared.gate.grants.replica import Replica
from shared.gate.metering.meter import Meter
from shared.gate.quota.memory_quota import MemoryQuota
from shared.replication.feed import Acknowledgement
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from shared.sql.migrations import migrate
from shared.web.application import NO_PROXIES, application
from tests.examples import NOON

ORIGIN = Origin(actor="test")


class CountingBus:
    """Takes everything, tells how much."""

    def __init__(self) -> None:
        self.messages = 0

    def publish(self, messages: Sequence[CloudEvent] | bytes) -> Any:
        self.messages += 1
        return len(messages)


# Of one sensor: its row, what was measured of it, and its epochs. Of a list that is kept no longer: the log's position,
# the sensors and their channels (joined, a page of a hundred took thrice the processor). Of the data: the sensor, its
# spans, and its codes over time, which are kept for a second.
@pytest.mark.parametrize(
    ("path", "queries_max"), [("/v1/sensors/{sensor_id}", 3), ("/v1/sensors", 3), ("/v1/sensors/{sensor_id}/data", 3)]
)
def test_a_warm_read_makes_no_message_and_hardly_a_query(tmp_path: Path, path: str, queries_max: int) -> None:
    clock, bus = SystemClock(), CountingBus()
    key_service = keys.assemble(Database.sqlite(tmp_path / "keys.sqlite"), bus, clock, lease_seconds=10)
    auth_service = auth.assemble(Database.sqlite(tmp_path / "auth.sqlite"), key_service.feed, clock)
    sensor_service = sensors.assemble(Database.sqlite(tmp_path / "sensors.sqlite"), bus, clock, tmp_path / "samples")
    organisation_id = key_service.commands.organisations.register("Grillo", "standard", ORIGIN)
    request = KeyRequest(description=Description(name="Reader"), permissions=("sensors:read",))
    secret = key_service.commands.create(organisation_id, request, ORIGIN).secret.value
    sample = samples.read_sample(samples.sample_files()[0], now=NOON)
    sensor_id = sensor_service.importer.store(sample, organisation_id, ORIGIN).sensor_ids[0]
    replica = Replica(gate="gate_test", feed=key_service.feed, snapshot=auth_service.book.snapshot, clock=clock)
    replica.pull()
    gate = Gate(replica, MemoryQuota(), Meter(tmp_path / "spool", bus, clock), clock)
    routes = sensor_service.routes(replica, NO_PROXIES)
    app = application("sensors", routes, gate, clock, public_url="http://localhost", is_ready=lambda: True)
    client = testing.TestClient(app, headers={"Authorization": f"Bearer {secret}"})
    messages_before = bus.messages
    with _counted_queries() as queries:
        answer = client.simulate_get(path.format(sensor_id=sensor_id))
    assert answer.status_code == 200
    assert len(queries) <= queries_max, queries
    assert bus.messages == messages_before


def test_a_gate_that_is_up_to_date_costs_the_log_two_questions(tmp_path: Path) -> None:
    """Whether its place is of this log and its row says so, and how things stand: each gate's every second."""
    service = keys.assemble(Database.sqlite(tmp_path / "keys.sqlite"), CountingBus(), SystemClock(), lease_seconds=10)
    service.commands.organisations.register("Grillo", "standard", ORIGIN)
    place = service.feed.pull(None).events[-1].place
    acknowledgement = Acknowledgement(gate="gate_1", position=place.position)
    service.feed.pull(place, acknowledgement)
    with _counted_queries() as queries:
        page = service.feed.pull(place, acknowledgement)
    assert (page.head, page.events, page.gates) == (place, (), 1)
    assert len(queries) == 2, queries


def test_last_uses_hold_the_log_for_three_statements_however_many_they_are(tmp_path: Path) -> None:
    """Commands wait meanwhile, revocations among them: a statement for each key made that a fifth of a second."""
    service = keys.assemble(Database.sqlite(tmp_path / "keys.sqlite"), CountingBus(), SystemClock(), lease_seconds=10)
    with _counted_queries() as queries:
        service.last_use.record({f"key_{number}": NOON for number in range(100)})
    assert len(queries) == 3, queries  # the lock, the mark for open pages, the uses


def test_silent_gates_are_counted_out_in_two_statements_however_many_they_are(tmp_path: Path) -> None:
    """A receipt waits for it: a statement for each of sixty made-up gates took half a second on a busy machine."""
    database = Database.sqlite(tmp_path / "keys.sqlite")
    migrate(database, keys.MIGRATIONS)
    rows = GateRows(database, SystemClock(), silence_seconds=10, gates_max=100)
    silent = [f"gate_{number}" for number in range(60)]
    for gate in silent:
        rows.acknowledge(Acknowledgement(gate=gate, position=6))
    with _counted_queries() as queries:
        rows.count_out(silent, 7, ())
    assert len(queries) == 2, queries


@contextmanager
def _counted_queries() -> Iterator[list[str]]:
    """Every statement of every engine, but for what begins a transaction of SQLite's."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)
