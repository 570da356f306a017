"""Channels: what lists tell of a sensor's axes, kept in the transaction that stores samples.

Every function works in the caller's transaction.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from services.sensors import tables
from services.sensors.store.miniseed.codes import Codes, SensorCodes
from shared.sql.in_values import inserted, insertion_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The codes, the rate and the end of the latest samples of an axis."""

    sensor_id: str
    axis: str
    codes: Codes
    rate_hz: float
    end_ns: int


def note(tx: Connection, latest: Iterable[Latest]) -> None:
    """Keeps them where they are later than those that are kept."""
    rows = [
        {
            "sensor_id": one.sensor_id,
            "axis": one.axis,
            "sealing_until_us": 0,
            "location_code": one.codes.location,
            "code": one.codes.channel,
            "sample_rate_hz": one.rate_hz,
            "last_sample_ns": one.end_ns,
        }
        for one in latest
    ]
    if rows:
        tx.execute(_later(tx.dialect.name), inserted(tx.dialect.name, tables.channel, rows))


def recode(tx: Connection, sensor_id: str, axis: str, codes: SensorCodes) -> None:
    """Notes the codes of an axis's latest samples as they are now."""
    table = tables.channel
    is_this = (table.c.sensor_id == sensor_id) & (table.c.axis == axis)
    row = tx.execute(select(table.c.last_sample_ns, table.c.sample_rate_hz).where(is_this)).one_or_none()
    if row is not None:
        now = codes.at(axis, row.last_sample_ns, row.sample_rate_hz)
        tx.execute(update(table).where(is_this).values(location_code=now.location, code=now.channel))


def find_last_sample(tx: Connection, sensor_id: str, axis: str) -> None:
    """Notes the end of an axis's samples as they are now: their times have moved, if only to a microsecond."""
    spans, table = tables.span, tables.channel
    is_axis = (spans.c.sensor_id == sensor_id) & (spans.c.axis == axis)
    latest = select(spans.c.end_ns, spans.c.rate_hz).where(is_axis).order_by(spans.c.end_ns.desc()).limit(1)
    row = tx.execute(latest).one_or_none()
    if row is not None:
        is_this = (table.c.sensor_id == sensor_id) & (table.c.axis == axis)
        tx.execute(update(table).where(is_this).values(last_sample_ns=row.end_ns, sample_rate_hz=row.rate_hz))


@functools.cache
def _later(dialect: str) -> Any:
    table = tables.channel
    latest = ("location_code", "code", "sample_rate_hz", "last_sample_ns")
    statement = insertion_of(dialect, table, ("sensor_id", "axis", "sealing_until_us", *latest))
    return statement.on_conflict_do_update(
        index_elements=["sensor_id", "axis"],
        set_={name: statement.excluded[name] for name in latest},
        where=table.c.last_sample_ns < statement.excluded.last_sample_ns,
    )
