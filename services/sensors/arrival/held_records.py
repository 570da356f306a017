"""Held records: durable before their era is known, and shown once it is."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection, bindparam, delete, insert, select

from services.sensors.arrival import tables
from services.sensors.arrival.record import AXES, Record

HELD_MAX = 4096
"""Of one sensor; beyond, all are decided at once: a device that sends nonsense fills no table."""

_HELD = (
    select(tables.held_record)
    .where(tables.held_record.c.sensor_id == bindparam("this_id"))
    .order_by(tables.held_record.c.id)
)


def take(tx: Connection, sensor_id: str) -> list[Record]:
    """All of the sensor, in the order of their coming; they are held no longer."""
    table = tables.held_record
    rows = tx.execute(_HELD, {"this_id": sensor_id}).all()
    if rows:
        tx.execute(delete(table).where(table.c.sensor_id == sensor_id))
    return [
        Record(
            device_ns=row.device_ns,
            cloud_ns=row.cloud_ns,
            rate_hz=row.rate_hz,
            values=np.frombuffer(row.axes, f"<{'i4' if row.kind == 'i' else 'f8'}").reshape(len(AXES), -1),
            source=row.source,
            sender=row.sender,
        )
        for row in rows
    ]


def hold(tx: Connection, sensor_id: str, records: Sequence[Record], now_us: int) -> None:
    if records:
        tx.execute(insert(tables.held_record), [_row(sensor_id, record, now_us) for record in records])


def waiting_since(tx: Connection, before_us: int) -> list[str]:
    """Sensors with records that were held before that time."""
    table = tables.held_record
    return list(tx.execute(select(table.c.sensor_id).where(table.c.held_us < before_us).distinct()).scalars())


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
