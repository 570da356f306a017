"""How late samples come: the delay from a batch's last sample to its storing, summed by ten minutes of arrival."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete

from services.sensors import tables
from shared.sql.database import upsert
from shared.values.timestamps import to_microseconds

SLOT_US = 600_000_000
LIVE_WITHIN_US = 86_400_000_000
"""What is older when it comes is an import of the past, and says nothing of how the sensor is."""


def note(tx: Connection, sensor_id: str, now_us: int, last_ns: int) -> None:
    late_us = now_us - last_ns // 1000
    if not 0 <= late_us < LIVE_WITHIN_US:
        return
    table = tables.sensor_latency
    late_ms = late_us // 1000
    row = {"sensor_id": sensor_id, "slot": now_us // SLOT_US, "arrivals": 1, "late_ms": late_ms}
    grown = {"arrivals": table.c.arrivals + 1, "late_ms": table.c.late_ms + late_ms}
    tx.execute(upsert(tx, table).values(row).on_conflict_do_update(index_elements=["sensor_id", "slot"], set_=grown))


def forget_before(tx: Connection, moment: datetime) -> None:
    table = tables.sensor_latency
    tx.execute(delete(table).where(table.c.slot < first_slot(moment)))


def first_slot(since: datetime, length: timedelta = timedelta()) -> int:
    """The slot that `since` less `length` is in."""
    return to_microseconds(since - length) // SLOT_US
