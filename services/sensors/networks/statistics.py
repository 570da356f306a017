"""Statistics of a network: how many of its sensors are online, and how much of the last day's recordings is there."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, cast, func, select
from sqlalchemy.types import Float

from services.sensors import tables
from services.sensors.registry.status import ONLINE_WITHIN
from services.sensors.registry.visible import Visible
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.timestamps import to_nanoseconds

DAY = timedelta(days=1)
_EVENTS_COUNTED = timedelta(days=30)
_SECOND_NS = 1e9
# How many events there were since that moment, by network (services/sensors/catalogue/queries.py).
CountEvents = Callable[[Visible, datetime, Collection[str]], Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStatistics:
    """Of the sensors that the asker may see. `online_sensors`: recorded something within ONLINE_WITHIN.

    `data_completeness`: of all samples that channels with recordings should have of the last day, the share that is
    there; None: no channel has any recording. `events_30d`: seismic events of the network in the last thirty days.
    """

    network_id: str
    total_sensors: int
    online_sensors: int
    offline_sensors: int
    events_30d: int
    data_completeness: float | None


class SensorRecords(NamedTuple):
    """What is stored of one sensor. `last_ns` None: nothing. `recorded_ns`: of the last day, over all channels."""

    sensor_id: str
    network_id: str | None
    last_ns: int | None
    channels: int
    recorded_ns: float

    def is_online(self, now: datetime) -> bool:
        return self.last_ns is not None and self.last_ns >= to_nanoseconds(now - ONLINE_WITHIN)

    @property
    def completeness(self) -> float | None:
        return _share(self.recorded_ns, self.channels)


class StatisticsQueries:
    def __init__(self, database: Database, clock: Clock, count_events: CountEvents) -> None:
        self._database, self._clock, self._count_events = database, clock, count_events

    def of_network(self, visible: Visible, network_id: str) -> NetworkStatistics:
        """Of a network that the asker may see; for any other, all is 0."""
        return self.of_networks(visible, (network_id,))[network_id]

    def of_networks(self, visible: Visible, network_ids: Collection[str]) -> dict[str, NetworkStatistics]:
        """By id, each as of one."""
        now, found = self._clock.now(), {network_id: list[SensorRecords]() for network_id in network_ids}
        for one in self._records(visible, now, tables.sensor.c.network_id.in_(sorted(network_ids))):
            found[one.network_id or ""].append(one)
        events = self._count_events(visible, now - _EVENTS_COUNTED, network_ids)
        return {id_: _summed(id_, records, events[id_], now) for id_, records in found.items()}

    def of_sensors(self, visible: Visible, sensor_ids: Collection[str]) -> dict[str, SensorRecords]:
        """By id, of those that the asker may see."""
        wanted = tables.sensor.c.id.in_(sorted(sensor_ids))
        return {one.sensor_id: one for one in self._records(visible, self._clock.now(), wanted)}

    def _records(self, visible: Visible, now: datetime, wanted: ColumnElement[bool]) -> list[SensorRecords]:
        with self._database.reading() as tx:
            rows = tx.execute(visible.of(_LAST_SAMPLES.where(wanted))).all()
            recorded = {row.id: row.recorded_ns for row in tx.execute(visible.of(_recorded(now).where(wanted)))}
        return [
            SensorRecords(row.id, row.network_id, row.last_ns, row.channels, float(recorded.get(row.id) or 0))
            for row in rows
        ]


def _summed(network_id: str, records: Sequence[SensorRecords], events_30d: int, now: datetime) -> NetworkStatistics:
    online = sum(one.is_online(now) for one in records)
    return NetworkStatistics(
        network_id=network_id,
        total_sensors=len(records),
        online_sensors=online,
        offline_sensors=len(records) - online,
        events_30d=events_30d,
        data_completeness=_share(sum(one.recorded_ns for one in records), sum(one.channels for one in records)),
    )


def _share(recorded_ns: float, channels: int) -> float | None:
    """To four digits; samples of two eras of a device may lie over each other."""
    if not channels:
        return None
    return round(min(1.0, recorded_ns / (channels * DAY.total_seconds() * _SECOND_NS)), 4)


# Of each sensor the time of the last sample, or null, and how many channels have recordings.
_LAST_SAMPLES = (
    select(
        tables.sensor.c.id,
        tables.sensor.c.network_id,
        func.max(tables.channel.c.last_sample_ns).label("last_ns"),
        func.count(tables.channel.c.axis).label("channels"),
    )
    .select_from(tables.sensor.outerjoin(tables.channel, tables.channel.c.sensor_id == tables.sensor.c.id))
    .group_by(tables.sensor.c.id, tables.sensor.c.network_id)
)


def _recorded(now: datetime) -> Select[Any]:
    """Nanoseconds of the last day of each sensor for which there are samples: each lasts until the next.

    A span of a sealed hour may have gaps: its samples count as spread over it where the day begins or ends inside it.
    """
    sensor, span = tables.sensor, tables.span
    since_ns, until_ns = to_nanoseconds(now - DAY), to_nanoseconds(now)
    start = case((span.c.start_ns < since_ns, since_ns), else_=span.c.start_ns)
    end = case((span.c.end_ns > until_ns, until_ns), else_=span.c.end_ns)
    interval = _SECOND_NS / span.c.rate_hz
    inside = (cast(end - start, Float(53)) + interval) / (cast(span.c.end_ns - span.c.start_ns, Float(53)) + interval)
    query = select(sensor.c.id, func.sum(span.c.count * interval * inside).label("recorded_ns"))
    query = query.select_from(span.join(sensor, span.c.sensor_id == sensor.c.id))
    return query.where(span.c.end_ns >= since_ns, span.c.start_ns < until_ns).group_by(sensor.c.id)
