"""Status of sensors, from what arrived of them, as an SQL expression: lists are filtered by it in their one query."""

import enum
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import ColumnElement, ScalarSelect, case, func, literal, or_, select

from services.sensors import tables
from shared.values.timestamps import to_microseconds, to_nanoseconds

ONLINE_WITHIN = timedelta(minutes=10)
MEASURED_WITHIN = timedelta(minutes=15)

LATE_MS_MAX = 60_000.0
COMPLETENESS_MIN = 0.95
UNCERTAINTY_MS_MAX = 500.0


class Status(enum.StrEnum):
    """Online: the last sample is at most ONLINE_WITHIN old. Warning: online, but in the last hour its samples came
    later than LATE_MS_MAX or more than one in twenty is missing, or its clock is not known to UNCERTAINTY_MS_MAX.
    """

    ONLINE = "online"
    OFFLINE = "offline"
    WARNING = "warning"


def last_sample_ns() -> ScalarSelect[int | None]:
    """Of the sensor of the query around it; null: nothing recorded yet."""
    channel = tables.channel
    of_sensor = select(func.max(channel.c.last_sample_ns)).where(channel.c.sensor_id == tables.sensor.c.id)
    return of_sensor.correlate(tables.sensor).scalar_subquery()


def status_at(now: datetime) -> ColumnElement[str]:
    """Of the sensor of the query around it, as of the next whole second: each request of a second asks the same."""
    whole = now.replace(microsecond=0)
    return _status_at(whole if whole == now else whole + timedelta(seconds=1))


@lru_cache(maxsize=8)
def _status_at(now: datetime) -> ColumnElement[str]:
    health = tables.sensor_health
    troubled = (
        select(literal(1))
        .where(
            health.c.sensor_id == tables.sensor.c.id,
            health.c.measured_us >= to_microseconds(now - MEASURED_WITHIN),
            or_(
                health.c.latency_hour_ms > LATE_MS_MAX,
                health.c.completeness_hour < COMPLETENESS_MIN,
                health.c.uncertainty_ms > UNCERTAINTY_MS_MAX,
            ),
        )
        .correlate(tables.sensor)
        .exists()
    )
    is_online = func.coalesce(last_sample_ns(), 0) >= to_nanoseconds(now - ONLINE_WITHIN)
    return case((~is_online, Status.OFFLINE.value), (troubled, Status.WARNING.value), else_=Status.ONLINE.value)
