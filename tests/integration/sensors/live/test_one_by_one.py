"""One message that cannot be stored, or one file that is lost, keeps no other message from being stored."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.sensors import tables
from services.sensors.accounting.account import Account
from services.sensors.arrival import accounts, device_arrival, laid_runs, rejected_minutes
from services.sensors.arrival.record import Record
from services.sensors.assembly import Sensors
from services.sensors.ingest import openeew_message
from services.sensors.ingest.openeew import NETWORK_UNKNOWN
from services.sensors.live import receiver
from services.sensors.registry.sensor import sensor_id
from services.sensors.store.even_times import NS
from shared.messaging.readings.reading import Reading
from shared.runtime.clock import ManualClock
from shared.sql.database import DatabaseBusy
from tests.examples import ORGANISATION_ID
from tests.integration.sensors.live.messages import (
    BEGIN_SECONDS,
    BRIDGE,
    archived,
    counting,
    network,
    readings,
    served,
    undated,
)
from tests.integration.sensors.live.test_receiver import OF_RECORD, rejections, sent

FIRST, SECOND = (sensor_id(ORGANISATION_ID, NETWORK_UNKNOWN, name) for name in ("001", "002"))
NOT_LAID = 12
"""Number of the message whose samples cannot be laid."""


@pytest.fixture
def unlaid(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a fault of ours would fail: not what is known to happen to messages."""

    def lay(records: Sequence[Record], *rest: Any, laid: Callable[..., Any] = laid_runs.lay) -> Any:
        if any(record.values[0, 0] == NOT_LAID * 32 for record in records):
            raise ValueError("samples that nobody can lay")
        return laid(records, *rest)

    monkeypatch.setattr(device_arrival, "lay", lay)


def sealed(sensors: Sensors) -> list[Reading]:
    """Two devices, of which ten messages each are sealed; and a next message of each."""
    network_id = network(sensors)
    for device in ("001", "002"):
        sensors.receiver.take(readings(network_id, [archived(number, device) for number in range(10)]))
    while sensors.samples.sealer.run(settled=False):
        pass
    return readings(network_id, [archived(10, "001"), archived(10, "002")])


def files(sensors: Sensors, folder: Path, of: str) -> list[Path]:
    """Those that are sealed."""
    with sensors.database.reading() as tx:
        query = select(tables.sealed_file.c.path).where(tables.sealed_file.c.sensor_id == of)
        return [folder / path for path in tx.execute(query).scalars()]


def damage(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


@pytest.mark.parametrize("spoil", [Path.unlink, damage])
def test_a_sealed_file_that_is_lost_or_damaged_costs_its_own_sensor_s_messages(
    sensors: Sensors, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    batch = sealed(sensors)
    for file in files(sensors, tmp_path / "samples", SECOND):
        spoil(file)
    sensors.receiver.take(batch)
    assert [values for _, values in served(sensors, FIRST)] == [counting([0, 11])]
    assert rejections(sensors) == {"store-damaged": (OF_RECORD, 1)}
    assert sent(sensors) == Account(new=21 * OF_RECORD, reasons={"": OF_RECORD})
    with sensors.database.reading() as tx:
        assert accounts.of_sensor(tx, SECOND) == Account(new=10 * OF_RECORD, reasons={"": OF_RECORD})
        at_ns = round(BEGIN_SECONDS) * NS
        assert rejected_minutes.between(tx, SECOND, at_ns, at_ns + 60 * NS).any_within("x", at_ns, at_ns + 60 * NS)
    # What is of another time is stored.
    later = [archived(number, "002", begin=BEGIN_SECONDS + 7000) for number in range(10)]
    sensors.receiver.take(readings(batch[0].network_id, later))
    assert sent(sensors).new == 31 * OF_RECORD


def test_while_the_whole_folder_of_samples_is_away_readings_wait(sensors: Sensors, tmp_path: Path) -> None:
    batch, folder = sealed(sensors), tmp_path / "samples"
    away = folder.rename(folder.with_name("away"))
    folder.mkdir()  # as a volume that is not mounted
    with pytest.raises(FileNotFoundError):
        sensors.receiver.take(batch)
    assert rejections(sensors) == {}
    folder.rmdir()
    away.rename(folder)
    sensors.receiver.take(batch)
    assert sent(sensors) == Account(new=22 * OF_RECORD, reasons={"": 0})


@pytest.mark.usefixtures("unlaid")
def test_a_message_that_fails_in_a_way_nobody_foresaw_is_rejected_alone(sensors: Sensors) -> None:
    network_id = network(sensors)
    messages = [archived(number, device) for number in range(20) for device in ("001", "002")]
    messages = [one for one in messages if one["device_id"] == "002" or one["x"][0] != NOT_LAID * 32 / 1000]
    sensors.receiver.take(readings(network_id, [one for one in messages if one["x"][0] < NOT_LAID * 32 / 1000]))
    sensors.receiver.take(readings(network_id, [one for one in messages if one["x"][0] >= NOT_LAID * 32 / 1000]))
    assert rejections(sensors) == {"not-stored": (OF_RECORD, 1)}
    assert sent(sensors) == Account(new=38 * OF_RECORD, reasons={"": OF_RECORD})
    assert [values for _, values in served(sensors, SECOND)] == [counting([0, 12]), counting([13, 20])]


def test_a_message_that_cannot_be_read_for_a_fault_of_ours_is_rejected_alone(
    sensors: Sensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(content: bytes, *, parsed: Callable[..., Any] = openeew_message.parse, **rest: Any) -> Any:
        if b'"003"' in content:
            raise ZeroDivisionError
        return parsed(content, **rest)

    monkeypatch.setattr(receiver, "parse", parse)
    network_id = network(sensors)
    sensors.receiver.take(readings(network_id, [undated(0, "001"), undated(0, "003"), undated(0, "002")]))
    assert rejections(sensors) == {"not-stored": (0, 1)}
    assert sent(sensors).new == 2 * OF_RECORD


@pytest.mark.usefixtures("unlaid")
def test_where_nothing_can_be_stored_readings_wait_for_some_minutes_and_then_hold_up_no_others(
    sensors: Sensors, clock: ManualClock
) -> None:
    network_id = network(sensors)
    sensors.receiver.take(readings(network_id, [archived(number) for number in range(10)]))
    wrong = readings(network_id, [archived(NOT_LAID), b"{"])
    for _ in range(3):
        with pytest.raises(ValueError, match="nobody can lay"):
            sensors.receiver.take(wrong)
        assert rejections(sensors) == {}
        clock.advance(receiver.VAIN_SECONDS_MAX / 3)
    for number in (1, 2):
        sensors.receiver.take(wrong)
        assert rejections(sensors) == {"not-stored": (number * OF_RECORD, number), "unreadable": (0, number)}
    sensors.receiver.take(readings(network_id, [archived(10)]))  # something is stored: it is worth waiting again
    with pytest.raises(ValueError, match="nobody can lay"):
        sensors.receiver.take(wrong)


def test_a_database_that_is_busy_puts_all_off_and_rejects_nothing(
    sensors: Sensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = readings(network(sensors), [archived(number) for number in range(10)])

    def busy(*_: Any) -> None:
        raise DatabaseBusy("sensors")

    with monkeypatch.context() as patched:
        patched.setattr(sensors.receiver._arrival, "take_in", busy, raising=True)
        with pytest.raises(DatabaseBusy):
            sensors.receiver.take(batch)
    assert (rejections(sensors), sent(sensors, BRIDGE)) == ({}, Account())
    sensors.receiver.take(batch)
    assert sent(sensors).new == 10 * OF_RECORD


def test_one_sensor_whose_waiting_records_cannot_be_decided_holds_up_no_other(
    sensors: Sensors, clock: ManualClock, tmp_path: Path
) -> None:
    network_id = sealed(sensors)[0].network_id
    late = [archived(10, device) for device in ("001", "002")]
    sensors.receiver.take(readings(network_id, [one | {"cloud_t": one["cloud_t"] + 30} for one in late]))
    for file in files(sensors, tmp_path / "samples", FIRST):
        file.unlink()
    clock.advance(61)
    sensors.arrival.decide_waiting()
    assert [values for _, values in served(sensors, SECOND)] == [counting([0, 11])]
    with sensors.database.reading() as tx:
        waiting = tx.execute(select(tables.metadata.tables["held_record"].c.sensor_id)).scalars().all()
    assert waiting == [FIRST]
