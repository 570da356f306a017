"""What an import tells is what became of the samples that it offered, of all of them, and of no others."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric
from sqlalchemy import select
from typer.testing import CliRunner

from services.cli.host import sensors as command
from services.sensors import assembly, ingest
from services.sensors.accounting.account import Account
from services.sensors.arrival import senders, tables
from services.sensors.assembly import Sensors
from services.sensors.ingest import ReadResult
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON, ORGANISATION_ID, ORIGIN, NoBus
from tests.integration.sensors.live.messages import BRIDGE, archived, network, readings
from tests.service_database import migrated

OF_RECORD = 96


@pytest.fixture
def sensors(database: Database, tmp_path: Path, clock: ManualClock) -> Sensors:
    migrated(database, assembly.MIGRATIONS)
    return assembly.assemble(database, NoBus(), clock, tmp_path / "samples")


def read(folder: Path, messages: Iterable[dict[str, Any]]) -> ReadResult:
    file = folder / "001.jsonl"
    file.write_text("\n".join(json.dumps(message) for message in messages))
    return ingest.read(file, now=NOON)


def late(number: int) -> dict[str, Any]:
    """As a device sends it that was cut off for half a minute."""
    message = archived(number)
    return message | {"cloud_t": message["cloud_t"] + 30}


def test_what_the_service_s_timer_decides_while_an_import_goes_on_is_in_its_summary(
    sensors: Sensors, clock: ManualClock, tmp_path: Path
) -> None:
    network_id = network(sensors)
    first = read(tmp_path, [*(archived(number) for number in range(10)), late(20), late(21)])
    imported = sensors.importer.store(first, ORGANISATION_ID, ORIGIN, network_id)
    assert imported.account == Account(new=10 * OF_RECORD)
    clock.advance(61)
    sensors.arrival.decide_waiting()
    second = read(tmp_path, [archived(9), archived(10), late(22)])
    again = sensors.importer.store(second, ORGANISATION_ID, ORIGIN, network_id)
    assert again.account == Account(new=OF_RECORD, repeated=OF_RECORD)
    assert sensors.importer.decide(again.sensor_ids) == {again.sensor_ids[0]: Account(new=3 * OF_RECORD)}
    assert sensors.importer.decide(again.sensor_ids) == {again.sensor_ids[0]: Account()}
    with sensors.database.reading() as tx:
        assert tx.execute(select(tables.sender_account)).all() == []


def test_what_a_device_sent_meanwhile_is_not_counted_as_imported_and_goes_on_waiting(
    sensors: Sensors, tmp_path: Path
) -> None:
    network_id = network(sensors)
    sensors.receiver.take(readings(network_id, [archived(number) for number in range(10)]))
    sensors.receiver.take(readings(network_id, [late(20)]))
    result = read(tmp_path, [archived(10), late(21)])
    imported = sensors.importer.store(result, ORGANISATION_ID, ORIGIN, network_id)
    assert imported.account == Account(new=OF_RECORD)
    assert sensors.importer.decide(imported.sensor_ids) == {imported.sensor_ids[0]: Account(new=OF_RECORD)}
    with sensors.database.reading() as tx:
        assert tx.execute(select(tables.held_record.c.sender)).scalars().all() == [BRIDGE]
        assert senders.of_sender(tx, BRIDGE) == Account(new=10 * OF_RECORD, reasons={"": 0})


def test_what_waited_of_one_file_is_not_counted_as_the_next_one_s(sensors: Sensors, tmp_path: Path) -> None:
    network_id = network(sensors)
    first = sensors.importer.store(read(tmp_path, [archived(0), archived(1)]), ORGANISATION_ID, ORIGIN, network_id)
    rest = read(tmp_path, [archived(number) for number in range(2, 12)])
    second = sensors.importer.store(rest, ORGANISATION_ID, ORIGIN, network_id)
    assert (first.account, second.account) == (Account(), Account(new=10 * OF_RECORD))
    assert sensors.importer.decide(second.sensor_ids) == {second.sensor_ids[0]: Account(new=2 * OF_RECORD)}


def test_an_import_is_no_account_on_the_broker(sensors: Sensors, clock: ManualClock, tmp_path: Path) -> None:
    """Not even one that ended before what waited of it was decided."""
    sensors.importer.store(read(tmp_path, [archived(0)]), ORGANISATION_ID, ORIGIN, network(sensors))
    clock.advance(61)
    sensors.arrival.decide_waiting()
    with sensors.database.reading() as tx:
        assert len(tx.execute(select(tables.sender_account)).all()) == 1
    metric: Metric = next(iter(senders.measured(sensors.database)()))
    assert metric.samples == []


def test_a_sealed_file_that_is_lost_costs_only_the_files_of_its_time(
    sensors: Sensors, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held for its sensor there is also what would have to be compared with it."""
    network_id = network(sensors)
    sensors.receiver.take(readings(network_id, [archived(number) for number in range(10)]))
    while sensors.samples.sealer.run(settled=False):
        pass
    for sealed in (tmp_path / "samples").rglob("*.D.*"):
        sealed.unlink()
    files = [tmp_path / name for name in ("first.jsonl", "other.jsonl", "late.jsonl")]
    of_file = [[archived(10)], [archived(number, "002") for number in range(10)], [late(10)]]
    for file, messages in zip(files, of_file, strict=True):
        file.write_text("\n".join(json.dumps(message) for message in messages))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{database.name}")
    monkeypatch.setenv("SAMPLES_DIR", str(tmp_path / "samples"))
    arguments = ["import", *map(str, files), "--organisation", ORGANISATION_ID, "--network", network_id, "--json"]
    answer = CliRunner().invoke(command.app, arguments)
    shown = json.loads(answer.stdout)
    assert (answer.exit_code, shown["samples"]["new"], shown["samples"]["offered"]) == (1, 960, 960)
    assert [one["file"] for one in shown["failed"]] == [str(files[0]), ""]
    assert all("the file cannot be read: No such file" in one["reason"] for one in shown["failed"])
