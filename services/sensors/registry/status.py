"""Status of sensors, from what arrived of them: of one that is read, and as a condition by which lists are filtered.

Conditions take the time as parameters (`as_of`): so a statement is made once and executed often.
"""

import enum
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import assert_never

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, func, literal, or_, select

from services.sensors import tables
from shared.values.timestamps import to_microseconds, to_nanoseconds

ONLINE_WITHIN = timedelta(minutes=10)
MEASURED_WITHIN = timedelta(minutes=15)

LATE_MS_MAX = 60_000.0
COMPLETENESS_MIN = 0.95
UNCERTAINTY_MS_MAX = 500.0

_ONLINE_SINCE, _MEASURED_SINCE = "online_since_ns", "measured_since_us"


class Status(enum.StrEnum):
    """Online: the last sample is at most ONLINE_WITHIN old. Warning: online, but in the last hour its samples came
    later than LATE_MS_MAX or more than one in twenty is missing, or its clock is not known to UNCERTAINTY_MS_MAX.
    """

    ONLINE = "online"
    OFFLINE = "offline"
    WARNING = "warning"


def status_of(last_sample_ns: int | None, is_troubled: bool, parameters: Mapping[str, int]) -> Status:
    """Of a sensor that was read. None: nothing recorded. `is_troubled`: as `troubled` said with the `parameters`."""
    if (last_sample_ns or 0) < parameters[_ONLINE_SINCE]:
        return Status.OFFLINE
    return Status.WARNING if is_troubled else Status.ONLINE


def as_of(now: datetime) -> dict[str, int]:
    """Parameters of `troubled` and `has_status`: as of the next whole second, so that a second tells one thing."""
    whole = now.replace(microsecond=0)
    then = whole if whole == now else whole + timedelta(seconds=1)
    return {
        _ONLINE_SINCE: to_nanoseconds(then - ONLINE_WITHIN),
        _MEASURED_SINCE: to_microseconds(then - MEASURED_WITHIN),
    }


@cache
def troubled() -> ColumnElement[bool]:
    """Whether the sensor of the query around it is one to warn of, if it is online."""
    health = tables.sensor_health
    found = select(literal(1)).where(
        health.c.sensor_id == tables.sensor.c.id,
        health.c.measured_us >= bindparam(_MEASURED_SINCE, type_=BigInteger),
        or_(
            health.c.latency_hour_ms > LATE_MS_MAX,
            health.c.completeness_hour < COMPLETENESS_MIN,
            health.c.uncertainty_ms > UNCERTAINTY_MS_MAX,
        ),
    )
    return found.correlate(tables.sensor).exists()


def has_status(status: Status) -> ColumnElement[bool]:
    """Whether the sensor of the query around it has it. One in warning is online, as networks' statistics count it:
    the product's pages filter by online and offline, and each sensor is one of the two.
    """
    channel = tables.channel
    last = select(func.max(channel.c.last_sample_ns)).where(channel.c.sensor_id == tables.sensor.c.id)
    of_sensor = last.correlate(tables.sensor).scalar_subquery()
    is_online = func.coalesce(of_sensor, 0) >= bindparam(_ONLINE_SINCE, type_=BigInteger)
    match status:
        case Status.OFFLINE:
            return ~is_online
        case Status.WARNING:
            return and_(is_online, troubled())
        case Status.ONLINE:
            return is_online
        case _:
            assert_never(status)
