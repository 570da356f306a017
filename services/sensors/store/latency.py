"""How late samples come: the delay from a batch's last sample to its storing, summed by ten minutes of arrival."""

import functools
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete

from services.sensors import tables
from shared.sql.in_values import inserted, insertion_of
from shared.values.timestamps import to_microseconds

SLOT_US = 600_000_000
LIVE_WITHIN_US = 86_400_000_000
"""What is older when it comes is an import of the past, and says nothing of how the sensor is."""


def note(tx: Connection, now_us: int, ends_ns: Mapping[str, int]) -> None:
    """`ends_ns`: by sensor, when the last sample of a batch was taken."""
    rows = []
    for sensor_id in sorted(ends_ns):
        late_us = now_us - ends_ns[sensor_id] // 1000
        if 0 <= late_us < LIVE_WITHIN_US:
            late_ms = late_us // 1000
            rows.append({"sensor_id": sensor_id, "slot": now_us // SLOT_US, "arrivals": 1, "late_ms": late_ms})
    if rows:
        tx.execute(_grown(tx.dialect.name), inserted(tx.dialect.name, tables.sensor_latency, rows))


@functools.cache
def _grown(dialect: str) -> Any:
    table = tables.sensor_latency
    statement = insertion_of(dialect, table, ("sensor_id", "slot", "arrivals", "late_ms"))
    grown = {name: table.c[name] + statement.excluded[name] for name in ("arrivals", "late_ms")}
    return statement.on_conflict_do_update(index_elements=["sensor_id", "slot"], set_=grown)


def forget_before(tx: Connection, moment: datetime) -> None:
    table = tables.sensor_latency
    tx.execute(delete(table).where(table.c.slot < first_slot(moment)))


def first_slot(since: datetime, length: timedelta = timedelta()) -> int:
    """The slot that `since` less `length` is in."""
    return to_microseconds(since - length) // SLOT_US
