"""Statistics of a network: how many of its sensors are online, and how much of the last day's recordings is there."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, cast, func, select
from sqlalchemy.types import Float

from services.sensors import tables
from services.sensors.registry.queries import ONLINE_WITHIN
from services.sensors.registry.visible import Visible
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.timestamps import to_nanoseconds

DAY = timedelta(days=1)
_SECOND_NS = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStatistics:
    """Of the sensors that the asker may see. `online_sensors`: recorded something within ONLINE_WITHIN.

    `data_completeness`: of all samples that channels with recordings should have of the last day, the share that is
    there; None: no channel has any recording. `events_30d` None: not known.
    """

    network_id: str
    total_sensors: int
    online_sensors: int
    offline_sensors: int
    events_30d: int | None
    data_completeness: float | None


class StatisticsQueries:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def of_network(self, visible: Visible, network_id: str) -> NetworkStatistics:
        """Of a network that the asker may see; for any other, all is 0."""
        now = self._clock.now()
        with self._database.reading() as tx:
            last = tx.execute(_last_samples(visible, network_id)).scalars().all()
            channels = tx.execute(_channels(visible, network_id)).scalar_one()
            recorded_ns = tx.execute(_recorded(visible, network_id, now)).scalar_one()
        online_since_ns = to_nanoseconds(now - ONLINE_WITHIN)
        online = sum(last_ns is not None and last_ns >= online_since_ns for last_ns in last)
        return NetworkStatistics(
            network_id=network_id,
            total_sensors=len(last),
            online_sensors=online,
            offline_sensors=len(last) - online,
            events_30d=None,
            data_completeness=_share(recorded_ns, channels),
        )


def _share(recorded_ns: float | None, channels: int) -> float | None:
    """To four digits; samples of two eras of a device may lie over each other."""
    if not channels:
        return None
    return round(min(1.0, (recorded_ns or 0) / (channels * DAY.total_seconds() * _SECOND_NS)), 4)


def _last_samples(visible: Visible, network_id: str) -> Select[Any]:
    """Of each sensor of the network, the time of the last sample, or null."""
    sensor, channel = tables.sensor, tables.channel
    joined = sensor.outerjoin(channel, channel.c.sensor_id == sensor.c.id)
    query = select(func.max(channel.c.last_sample_ns)).select_from(joined).group_by(sensor.c.id)
    return visible.of(query.where(sensor.c.network_id == network_id))


def _channels(visible: Visible, network_id: str) -> Select[Any]:
    sensor, channel = tables.sensor, tables.channel
    query = select(func.count()).select_from(channel.join(sensor, channel.c.sensor_id == sensor.c.id))
    return visible.of(query.where(sensor.c.network_id == network_id))


def _recorded(visible: Visible, network_id: str, now: datetime) -> Select[Any]:
    """Nanoseconds of the last day, summed over all channels, for which there are samples: each lasts until the next."""
    sensor, span = tables.sensor, tables.span
    since_ns, until_ns = to_nanoseconds(now - DAY), to_nanoseconds(now)
    start = case((span.c.start_ns < since_ns, since_ns), else_=span.c.start_ns)
    end = case((span.c.end_ns > until_ns, until_ns), else_=span.c.end_ns)
    lasting: ColumnElement[float] = cast(end - start, Float(53)) + _SECOND_NS / span.c.rate_hz
    query = select(func.sum(lasting)).select_from(span.join(sensor, span.c.sensor_id == sensor.c.id))
    query = query.where(sensor.c.network_id == network_id, span.c.end_ns >= since_ns, span.c.start_ns < until_ns)
    return visible.of(query)
