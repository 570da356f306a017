"""A sensor shows the status by which lists find it; one in warning is online, too."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from services.sensors import assembly, tables
from services.sensors.assembly import Sensors
from services.sensors.registry.status import MEASURED_WITHIN, ONLINE_WITHIN, Status
from services.sensors.registry.visible import Visible
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.values.timestamps import to_microseconds, to_nanoseconds
from tests.examples import NoBus
from tests.service_database import migrated

OWNER = Visible(organisation_id="org_1")
LATE, GAPS, CLOCK = {"latency_hour_ms": 60_001.0}, {"completeness_hour": 0.94}, {"uncertainty_ms": 501.0}
NONE_OF_THEM = {"latency_hour_ms": 60_000.0, "completeness_hour": 0.95, "uncertainty_ms": 500.0}
SECOND = timedelta(seconds=1)

# Age of the last sample, of what was measured, and that; then what the sensor is.
CASES: list[tuple[timedelta | None, timedelta, dict[str, float], Status]] = [
    (None, SECOND, LATE, Status.OFFLINE),
    (ONLINE_WITHIN + SECOND, SECOND, LATE, Status.OFFLINE),
    (ONLINE_WITHIN, SECOND, {}, Status.ONLINE),
    (SECOND, SECOND, NONE_OF_THEM, Status.ONLINE),
    (SECOND, MEASURED_WITHIN, LATE, Status.WARNING),
    (SECOND, SECOND, GAPS, Status.WARNING),
    (SECOND, SECOND, CLOCK, Status.WARNING),
    (SECOND, MEASURED_WITHIN + SECOND, LATE | GAPS | CLOCK, Status.ONLINE),
]


@pytest.fixture
def sensors(database: Database, tmp_path: Path, clock: ManualClock) -> Sensors:
    return assembly.assemble(migrated(database, assembly.MIGRATIONS), NoBus(), clock, tmp_path / "samples")


def test_what_a_sensor_shows_is_what_finds_it(sensors: Sensors, clock: ManualClock) -> None:
    clock.advance(1 - clock.now().microsecond / 1e6)  # a whole second
    for number, (last, measured, health, _) in enumerate(CASES):
        register(sensors, clock, f"sen_{number}", last, measured, health)
    shown = {one.id: one.status for one in sensors.queries.list_sensors(OWNER, 100).sensors}
    assert shown == {f"sen_{number}": status for number, (*_, status) in enumerate(CASES)}
    for status in Status:
        found = sensors.queries.list_sensors(OWNER, 100, status=status)
        alike = {Status.ONLINE, Status.WARNING} if status is Status.ONLINE else {status}
        assert [one.id for one in found.sensors] == [id_ for id_, its in shown.items() if its in alike]
        assert found.total == len(found.sensors) > 0
    for id_, status in shown.items():
        one = sensors.queries.get_sensor(OWNER, id_)
        assert one is not None
        assert one.status is status


def register(
    sensors: Sensors,
    clock: ManualClock,
    sensor_id: str,
    last: timedelta | None,
    measured: timedelta,
    health: dict[str, Any],
) -> None:
    row = {"organisation_id": OWNER.organisation_id, "network": "XX", "station": sensor_id[4:], "unit": "counts"}
    with sensors.database.transaction() as tx:
        tx.execute(insert(tables.sensor).values(id=sensor_id, name=sensor_id, **row))
        measured_us = to_microseconds(clock.now() - measured)
        tx.execute(insert(tables.sensor_health).values(sensor_id=sensor_id, measured_us=measured_us, **health))
        if last is not None:
            of_channel = {"location_code": "00", "code": "HNZ", "sample_rate_hz": 100.0, "sealing_until_us": 0}
            at_ns = to_nanoseconds(clock.now() - last)
            tx.execute(insert(tables.channel).values(sensor_id=sensor_id, axis="x", last_sample_ns=at_ns, **of_channel))
