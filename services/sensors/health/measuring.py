"""Measuring of sensors' health, in a few statements over all that recorded something in the last day.

Completeness is of the axis that has most: of the samples that it should have of the last hour, or day, the share that
is there. It ends a minute before now, for what is on its way is not missing. It begins with the first sample ever.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, delete, func, insert, select

from services.sensors import tables
from services.sensors.arrival import tables as arrival_tables
from services.sensors.store import latency
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.timestamps import to_microseconds, to_nanoseconds

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ON_ITS_WAY = timedelta(minutes=1)
_SENSORS_AT_ONCE = 100
_NS = 1_000_000_000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """A run of an axis's samples."""

    start_ns: int
    end_ns: int
    seconds: float


class HealthMeasuring:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def run(self) -> int:
        """How many sensors were measured. What is not measured any more is offline, and says so by itself."""
        now = self._clock.now()
        since_ns = to_nanoseconds(now - DAY)
        channel = tables.channel
        recent = select(channel.c.sensor_id).where(channel.c.last_sample_ns >= since_ns).distinct()
        with self._database.reading(once=True) as tx:
            sensor_ids = tx.execute(recent.order_by(channel.c.sensor_id)).scalars().all()
        for first in range(0, len(sensor_ids), _SENSORS_AT_ONCE):
            chosen = sensor_ids[first : first + _SENSORS_AT_ONCE]
            with self._database.reading() as tx:
                rows = list(_measured(tx, list(chosen), now))
            table = tables.sensor_health
            with self._database.transaction(durable=False) as tx:
                tx.execute(delete(table).where(table.c.sensor_id.in_(chosen)))
                tx.execute(insert(table), rows)
        with self._database.transaction(durable=False) as tx:
            latency.forget_before(tx, self._clock.trusted_now() - DAY - HOUR)
        return len(sensor_ids)


def completeness(extents: list[Extent], from_ns: int, to_ns: int) -> float | None:
    """None: nothing of that time, and nothing before it, is there."""
    if not extents or to_ns <= from_ns:
        return None
    begins_ns = max(from_ns, min(extent.start_ns for extent in extents))
    if to_ns <= begins_ns:
        return None
    there = sum(_seconds_within(extent, from_ns, to_ns) for extent in extents)
    return min(round(there * _NS / (to_ns - begins_ns), 4), 1.0)


def _seconds_within(extent: Extent, from_ns: int, to_ns: int) -> float:
    """Where an extent has gaps, they count as spread over it."""
    length = max(extent.end_ns - extent.start_ns, 1)
    inside = min(extent.end_ns, to_ns) - max(extent.start_ns, from_ns)
    return extent.seconds * min(max(inside / length, 0.0), 1.0)


def _measured(tx: Connection, sensor_ids: list[str], now: datetime) -> Iterator[dict[str, object]]:
    extents = _extents(tx, sensor_ids, now)
    late = {length: _latencies(tx, sensor_ids, now, length) for length in (HOUR, DAY)}
    uncertain = _uncertainties(tx, sensor_ids)
    to_ns = to_nanoseconds(now - ON_ITS_WAY)
    for sensor_id in sensor_ids:
        shares = {
            length: max(
                (
                    share
                    for of_axis in extents[sensor_id].values()
                    if (share := completeness(of_axis, to_nanoseconds(now - length), to_ns)) is not None
                ),
                default=None,
            )
            for length in (HOUR, DAY)
        }
        yield {
            "sensor_id": sensor_id,
            "measured_us": to_microseconds(now),
            "latency_hour_ms": late[HOUR].get(sensor_id),
            "latency_day_ms": late[DAY].get(sensor_id),
            "completeness_hour": shares[HOUR],
            "completeness_day": shares[DAY],
            "uncertainty_ms": uncertain.get(sensor_id),
        }


def _extents(tx: Connection, sensor_ids: list[str], now: datetime) -> dict[str, dict[str, list[Extent]]]:
    """By sensor and axis, of the last day; one before it stands for all that came earlier."""
    span = tables.span
    since_ns = to_nanoseconds(now - DAY - HOUR)
    query = select(span.c.sensor_id, span.c.axis, span.c.start_ns, span.c.end_ns, span.c.rate_hz, span.c.count)
    found: defaultdict[str, dict[str, list[Extent]]] = defaultdict(lambda: defaultdict(list))
    for row in tx.execute(query.where(span.c.sensor_id.in_(sensor_ids), span.c.end_ns >= since_ns)):
        interval_ns = round(_NS / row.rate_hz)
        extent = Extent(
            start_ns=row.start_ns, end_ns=row.end_ns + interval_ns, seconds=row._mapping["count"] / row.rate_hz
        )
        found[row.sensor_id][row.axis].append(extent)
    return found


def _latencies(tx: Connection, sensor_ids: list[str], now: datetime, length: timedelta) -> dict[str, float]:
    table = tables.sensor_latency
    query = select(table.c.sensor_id, func.sum(table.c.late_ms), func.sum(table.c.arrivals))
    query = query.where(table.c.sensor_id.in_(sensor_ids), table.c.slot >= latency.first_slot(now, length))
    return {
        sensor_id: round(float(late_ms) / float(arrivals), 1)
        for sensor_id, late_ms, arrivals in tx.execute(query.group_by(table.c.sensor_id))
    }


def _uncertainties(tx: Connection, sensor_ids: list[str]) -> dict[str, float]:
    """Of the newest line of each device's newest era, in milliseconds."""
    line = arrival_tables.clock_line
    rows = tx.execute(
        select(line.c.sensor_id, line.c.uncertainty_ns)
        .where(line.c.sensor_id.in_(sensor_ids))
        .order_by(line.c.sensor_id, line.c.era, line.c.block)
    )
    return {sensor_id: round(uncertainty_ns / 1e6, 1) for sensor_id, uncertainty_ns in rows}
