"""Held records: durable before their era is known, and shown once it is."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Connection, bindparam, delete, insert, select

from services.sensors.arrival import tables
from services.sensors.arrival.record import AXES, Record
from shared.sql.clocks.due import is_due
from shared.sql.in_values import in_values

HELD_MAX = 4096
"""Of one sensor; beyond, all are decided at once: a device that sends nonsense fills no table."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    id: int
    record: Record


def of_sensors(tx: Connection, sensor_ids: Collection[str]) -> defaultdict[str, list[Held]]:
    """All of the sensors, in the order of their coming."""
    table = tables.held_record
    its = in_values(tx, table.c.sensor_id, sensor_ids)
    found: defaultdict[str, list[Held]] = defaultdict(list)
    for row in tx.execute(select(table).where(its).order_by(table.c.id)):
        record = Record(
            device_ns=row.device_ns,
            cloud_ns=row.cloud_ns,
            rate_hz=row.rate_hz,
            values=np.frombuffer(row.axes, f"<{'i4' if row.kind == 'i' else 'f8'}").reshape(len(AXES), -1),
            source=row.source,
            sender=row.sender,
        )
        found[row.sensor_id].append(Held(id=row.id, record=record))
    return found


def let_go(tx: Connection, ids: Collection[int]) -> None:
    if ids:
        tx.execute(
            delete(tables.held_record).where(tables.held_record.c.id == bindparam("one")), [{"one": one} for one in ids]
        )


def hold(tx: Connection, waiting: Mapping[str, Sequence[Record]], now_us: int) -> None:
    """`waiting`: by sensor."""
    rows = [_row(sensor_id, record, now_us) for sensor_id, records in waiting.items() for record in records]
    if rows:
        tx.execute(insert(tables.held_record), rows)


def waiting_for(tx: Connection, length: timedelta, now: datetime) -> defaultdict[str, set[int]]:
    """By sensor the ids of those that have been held for so long."""
    table = tables.held_record
    is_over = is_due(table.c.held_us, now - length, length)
    found: defaultdict[str, set[int]] = defaultdict(set)
    for sensor_id, held_id in tx.execute(select(table.c.sensor_id, table.c.id).where(is_over)):
        found[sensor_id].add(held_id)
    return found


def _row(sensor_id: str, record: Record, now_us: int) -> dict[str, object]:
    kind = "i" if record.values.dtype == np.int32 else "d"
    return {
        "sensor_id": sensor_id,
        "device_ns": record.device_ns,
        "cloud_ns": record.cloud_ns,
        "rate_hz": record.rate_hz,
        "kind": kind,
        "axes": np.ascontiguousarray(record.values, "<i4" if kind == "i" else "<f8").tobytes(),
        "source": record.source,
        "sender": record.sender,
        "held_us": now_us,
    }
