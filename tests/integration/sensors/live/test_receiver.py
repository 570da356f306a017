"""Readings are stored as a file's lines are: all accounted for, by who sent them, or rejected for a reason."""

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric
from sqlalchemy import delete, select

from services.sensors import assembly, ingest, tables
from services.sensors.accounting.account import Account
from services.sensors.accounting.rejection import Rejection
from services.sensors.arrival import accounts, recent_messages, rejected_minutes, senders
from services.sensors.assembly import Sensors
from services.sensors.ingest.openeew import NETWORK_UNKNOWN
from services.sensors.live.receiver import ClockWrong
from services.sensors.networks.network import ChangeNetwork
from services.sensors.registry.sensor import sensor_id
from services.sensors.registry.visible import Visible
from services.sensors.store.even_times import NS
from shared.runtime.clock import ManualClock
from tests.examples import NOON, ORGANISATION_ID, ORIGIN, NoBus
from tests.integration.sensors.live.messages import (
    BEGIN_SECONDS,
    BRIDGE,
    archived,
    counting,
    network,
    readings,
    served,
    undated,
    with_list,
    with_object,
)
from tests.servers import Postgres
from tests.service_database import new_service_database

OF_RECORD = 96
SENSOR_ID = sensor_id(ORGANISATION_ID, NETWORK_UNKNOWN, "001")


def sent(sensors: Sensors, account: str = BRIDGE) -> Account:
    with sensors.database.reading() as tx:
        return senders.of_sender(tx, account)


def rejections(sensors: Sensors) -> dict[str, tuple[int, int]]:
    """By reason: samples and messages."""
    table = tables.metadata.tables["sample_rejection"]
    with sensors.database.reading() as tx:
        return {row.reason: (row.samples, row.messages) for row in tx.execute(select(table))}


@pytest.mark.parametrize("days", [3, -3])
def test_while_the_clock_is_wrong_no_reading_is_taken(postgres: Postgres, tmp_path: Path, days: int) -> None:
    """Three days behind, each would be rejected as from the future; ahead, its device's clock misjudged."""
    clock = ManualClock(datetime.now(UTC))
    with closing(new_service_database(postgres, assembly.MIGRATIONS)) as database:
        sensors = assembly.assemble(database, NoBus(), clock, tmp_path / "samples")
        network_id = network(sensors)
        begin = clock.now().timestamp() - 60
        batch = readings(network_id, [archived(number, begin=begin) for number in range(10)])
        clock.set_by(timedelta(days=days))
        with pytest.raises(ClockWrong):
            sensors.receiver.take(batch)
        clock.set_by(-timedelta(days=days))
        sensors.receiver.take(batch)
        assert sent(sensors) == Account(new=10 * OF_RECORD, reasons={"": 0})


@pytest.mark.parametrize("shape", [archived, with_list, with_object])
def test_an_unknown_device_is_registered_where_its_network_takes_new_ones(
    sensors: Sensors, shape: Callable[[int], dict[str, Any]]
) -> None:
    network_id = network(sensors)
    sensors.receiver.take(readings(network_id, [shape(number) for number in range(10)]))
    assert [values for _, values in served(sensors, SENSOR_ID)] == [counting([0, 10])]
    assert sent(sensors) == Account(new=10 * OF_RECORD, reasons={"": 0})
    with sensors.database.reading() as tx:
        row = tx.execute(select(tables.sensor)).one()
    assert (row.name, row.network_id, row.unit) == ("001", network_id, "mGal")


def test_live_message_by_message_is_what_the_file_gives_also_sealed(sensors: Sensors, tmp_path: Path) -> None:
    lines = [archived(number) for number in range(120) if number not in (40, 41, 77)]
    file = tmp_path / "001.jsonl"
    file.write_text("\n".join(json.dumps(line | {"device_id": "002"}) for line in lines))
    imported = sensors.importer.store(ingest.read(file, now=NOON), ORGANISATION_ID, ORIGIN)
    sensors.importer.decide(imported.sensor_ids)
    network_id = network(sensors)
    for line in lines:
        sensors.receiver.take(readings(network_id, [line]))
    while sensors.samples.sealer.run(settled=False):
        pass
    live, of_file = served(sensors, SENSOR_ID), served(sensors, imported.sensor_ids[0])
    assert [values for _, values in live] == [values for _, values in of_file]
    assert [values for _, values in live] == [counting([0, 40]), counting([42, 77]), counting([78, 120])]
    assert all(abs(one - other) < 16_000_000 for (one, _), (other, _) in zip(live, of_file, strict=True))


def test_a_batch_that_comes_again_is_counted_as_repeated_and_stores_nothing(sensors: Sensors) -> None:
    batch = readings(network(sensors), [archived(number) for number in range(10)])
    sensors.receiver.take(batch)
    before = served(sensors, SENSOR_ID)
    sensors.receiver.take(batch)
    assert served(sensors, SENSOR_ID) == before
    assert sent(sensors) == Account(new=10 * OF_RECORD, repeated=10 * OF_RECORD, reasons={"": 0})
    other = archived(3, shift=7)
    sensors.receiver.take(readings(batch[0].network_id, [other], account="bridge-other"))
    assert sent(sensors, "bridge-other") == Account(differing=OF_RECORD, reasons={"": 0})
    with sensors.database.reading() as tx:
        assert {one.source for one in accounts.listed(tx, SENSOR_ID)} == {"live, bridge-other"}


def test_what_is_held_till_its_era_is_known_is_counted_for_its_sender_then(sensors: Sensors) -> None:
    network_id = network(sensors)
    sensors.receiver.take(readings(network_id, [archived(0)]))
    assert (served(sensors, SENSOR_ID), sent(sensors)) == ([], Account())
    sensors.receiver.take(readings(network_id, [archived(number) for number in range(1, 10)]))
    assert sent(sensors).new == 10 * OF_RECORD


def test_what_cannot_be_taken_is_rejected_for_its_reason_and_the_rest_is_stored(sensors: Sensors) -> None:
    network_id, closed = network(sensors), network(sensors, accepts_new=False)
    far, never = NOON.timestamp() + 301, 1_000_000
    sensors.receiver.take(readings(network_id, [archived(number) for number in range(10)]))
    sensors.receiver.take(
        [
            *readings(
                network_id,
                [
                    b"\xff{",
                    b"x" * 300_000,
                    {"device_id": "001"},
                    archived(0, begin=far),
                    archived(0, begin=never),
                    archived(1) | {"y": [1e308] * 32},
                    archived(10),
                ],
            ),
            *readings(closed, [archived(0, "new")]),
            *readings(closed, [archived(0, "001")]),
            *readings("net_of_nobody", [archived(0, "003")]),
        ]
    )
    assert rejections(sensors) == {
        Rejection.UNREADABLE.value: (0, 2),
        Rejection.MALFORMED.value: (0, 1),
        Rejection.CLOCK_AHEAD.value: (OF_RECORD, 1),
        Rejection.CLOCK_NEVER_SET.value: (OF_RECORD, 1),
        Rejection.VALUE_TOO_GREAT.value: (OF_RECORD, 1),
        Rejection.UNKNOWN_DEVICE.value: (OF_RECORD, 1),
        Rejection.OTHER_NETWORK.value: (OF_RECORD, 1),
        Rejection.UNKNOWN_NETWORK.value: (OF_RECORD, 1),
    }
    assert sent(sensors) == Account(new=11 * OF_RECORD, reasons={"": 6 * OF_RECORD})
    assert [values for _, values in served(sensors, SENSOR_ID)] == [counting([0, 11])]
    found = {sample_key(metric): metric for metric in senders.measured(sensors.database)()}
    values = {one.labels["outcome"]: one.value for one in found["grillo_readings_samples"].samples}
    assert values == {"new": 11 * OF_RECORD, "repeated": 0, "differing": 0, "rejected": 6 * OF_RECORD}
    by_reason = {one.labels["reason"]: one.value for one in found["grillo_rejected_samples"].samples}
    assert by_reason["clock-ahead"] == OF_RECORD
    # By the time at which it was received, where the message's own is why it was rejected.
    noon_ns, begin_ns = round(NOON.timestamp()) * NS, round(BEGIN_SECONDS) * NS
    with sensors.database.reading() as tx:
        minutes = rejected_minutes.between(tx, SENSOR_ID, begin_ns, noon_ns)
    found_at = [minutes.any_within("x", at_ns - NS, at_ns + NS) for at_ns in (begin_ns, begin_ns + 3600 * NS, noon_ns)]
    assert found_at == [True, False, True]
    assert by_reason.keys() == {reason.value for reason in Rejection}


def test_a_network_that_is_archived_goes_on_with_the_devices_that_it_has(sensors: Sensors) -> None:
    network_id = network(sensors)
    sensors.receiver.take(readings(network_id, [archived(number) for number in range(10)]))
    change = ChangeNetwork(archived=True)
    sensors.networks.commands.change(Visible(organisation_id=ORGANISATION_ID), network_id, change, ORIGIN)
    sensors.receiver.take(readings(network_id, [archived(10), archived(0, "new")]))
    assert [values for _, values in served(sensors, SENSOR_ID)] == [counting([0, 11])]
    assert rejections(sensors) == {"unknown-device": (OF_RECORD, 1)}


def test_two_devices_of_one_station_code_are_not_mixed(sensors: Sensors) -> None:
    network_id = network(sensors)
    sensors.receiver.take(readings(network_id, [archived(number, "ab1") for number in range(10)]))
    sensors.receiver.take(readings(network_id, [archived(10, "AB1")]))
    assert rejections(sensors) == {"station-taken": (OF_RECORD, 1)}


def test_a_sensor_that_goes_while_its_batch_is_stored_keeps_no_other_from_it(
    sensors: Sensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    network_id = network(sensors)
    for device in ("001", "002"):
        sensors.receiver.take(readings(network_id, [archived(number, device) for number in range(10)]))
    find = sensors.receiver._devices.find

    def find_and_delete(devices: list[tuple[str, str]]) -> object:
        found = find(devices)
        with sensors.database.transaction() as tx:
            tx.execute(delete(tables.sensor).where(tables.sensor.c.name == "002"))
        return found

    monkeypatch.setattr(sensors.receiver._devices, "find", find_and_delete)
    sensors.receiver.take(readings(network_id, [archived(10, "001"), archived(10, "002")]))
    assert [values for _, values in served(sensors, SENSOR_ID)] == [counting([0, 11])]
    assert rejections(sensors) == {"sensor-deleted": (OF_RECORD, 1)}
    assert sent(sensors) == Account(new=21 * OF_RECORD, reasons={"": OF_RECORD})


def test_an_undated_message_that_is_delivered_again_is_repeated_and_an_equal_one_is_not(
    sensors: Sensors, clock: ManualClock
) -> None:
    network_id = network(sensors)
    sensors.receiver.take(readings(network_id, [undated(0), undated(0, "002")]))
    clock.advance(5)
    again = readings(network_id, [undated(0), undated(1, "003")], is_redelivered=True)
    sensors.receiver.take(again)
    assert sent(sensors) == Account(new=3 * OF_RECORD, repeated=OF_RECORD, reasons={"": 0})
    sensors.receiver.take(readings(network_id, [undated(0)]))
    assert [values for _, values in served(sensors, SENSOR_ID)] == [counting([0, 1])] * 2
    with sensors.database.reading() as tx:
        assert accounts.of_sensor(tx, SENSOR_ID) == Account(new=2 * OF_RECORD, repeated=OF_RECORD, reasons={"": 0})


def test_only_the_newest_undated_messages_are_known(
    sensors: Sensors, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_messages, "KEPT_MAX", 2)
    network_id = network(sensors)
    for number in range(3):
        sensors.receiver.take(readings(network_id, [undated(number)]))
        clock.advance(5)
    sensors.receiver.take(readings(network_id, [undated(0)], is_redelivered=True))
    clock.advance(5)
    sensors.receiver.take(readings(network_id, [undated(2)], is_redelivered=True))
    assert sent(sensors) == Account(new=4 * OF_RECORD, repeated=OF_RECORD, reasons={"": 0})


def test_what_is_rejected_counts_for_the_sensor_that_it_names_in_its_own_network(sensors: Sensors) -> None:
    network_id, other = network(sensors), network(sensors, accepts_new=False)
    sensors.receiver.take(readings(network_id, [archived(number) for number in range(10)]))
    wrong = archived(10) | {"y": [1e308] * 32}
    sensors.receiver.take([*readings(network_id, [wrong, wrong | {"device_id": "009"}]), *readings(other, [wrong])])
    with sensors.database.reading() as tx:
        assert accounts.of_sensor(tx, SENSOR_ID) == Account(new=10 * OF_RECORD, reasons={"": OF_RECORD})
    assert rejections(sensors) == {"value-too-great": (3 * OF_RECORD, 3)}


def sample_key(metric: Metric) -> str:
    name: str = metric.name
    return name
