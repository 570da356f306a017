"""Queries for sensors, for HTTP and RPC alike. Reads only."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Integer, Select, String, bindparam, func, select

from services.sensors import tables
from services.sensors.registry.configuration import Configuration
from services.sensors.registry.sensor import Location, location
from services.sensors.registry.status import Status, as_of, has_status, status_of, troubled
from services.sensors.registry.visible import Visible
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.sql.in_values import asked_values, encoded, in_values
from shared.sql.keyset import By, cut, keyset
from shared.values.frozen_struct import FrozenStruct
from shared.values.timestamps import from_microseconds, from_nanoseconds


class ChannelView(FrozenStruct, frozen=True, gc=False):
    code: str
    location_code: str
    sample_rate_hz: float
    unit: str


class SensorView(FrozenStruct, frozen=True, gc=False):
    """`last_sample_at` None: nothing recorded yet. `revision`: of the configuration. None elsewhere: not known."""

    id: str
    organisation_id: str
    name: str
    network: str
    station: str
    network_id: str | None
    location: Location | None
    channels: tuple[ChannelView, ...]
    unit: str
    status: Status
    last_sample_at: datetime | None
    site_name: str | None
    serial_number: str | None
    firmware_version: str | None
    device_type: str | None
    created_at: datetime | None
    configuration: Configuration
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Degrees; `west` > `east` when the box spans the antimeridian."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorPage:
    """`next_after`: the id where the next page begins; None on the last. `total`: of sensors on all pages."""

    sensors: tuple[SensorView, ...]
    next_after: str | None
    total: int


# In the order in which `_view` reads them.
_NAMES = (
    *("id", "organisation_id", "name", "network", "station", "network_id", "latitude", "longitude", "elevation_m"),
    *("unit", "site_name", "serial_number", "firmware_version", "device_type", "created_us", "configuration"),
    "revision",
)
_COLUMNS = [*(tables.sensor.c[name] for name in _NAMES), troubled().label("is_troubled")]
_OF_CHANNEL = ("code", "location_code", "sample_rate_hz", "last_sample_ns")
_BY_ID = (By(tables.sensor.c.id),)
_POSITION = select(tables.log_head.c.position)
_STATEMENTS_MAX, _UNHEARD_MAX = 256, 4096
_by_location_and_code = itemgetter(1, 0)
_UNSET = Configuration()
_configuration = msgspec.json.Decoder(Configuration).decode


class SensorQueries:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def get_sensor(self, visible: Visible, sensor_id: str) -> SensorView | None:
        """One query. None: no visible sensor, whether or not there is one for others."""
        as_of_now = as_of(self._clock.now())
        with self._database.reading(once=True) as tx:
            rows = tx.execute(_one(visible), {"id": sensor_id, **as_of_now}).all()
        if not rows:
            return None
        width = len(_COLUMNS)
        return _view(rows[0][:width], [row[width:] for row in rows if row.code is not None], as_of_now)

    def visible_of(self, visible: Visible, sensor_ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that are of visible sensors."""
        sensor = tables.sensor
        with self._database.reading(once=True) as tx:
            query = select(sensor.c.id).where(in_values(tx, sensor.c.id, sorted(sensor_ids)))
            return frozenset(tx.execute(visible.of(query)).scalars())

    def list_sensors(
        self,
        visible: Visible,
        limit: int,
        after: str = "",
        box: Box | None = None,
        offset: int = 0,
        network_id: str | None = None,
        status: Status | None = None,
    ) -> SensorPage:
        """By id, past `after` ("": from the first) and `offset` more. A sensor whose place is unknown is in no box."""
        listed, as_of_now = _Listed(visible, network_id, box, status), as_of(self._clock.now())
        with self._database.reading() as tx:
            found = tx.execute(_page(listed, limit, bool(after)), {"after": after, "offset": offset, **as_of_now}).all()
            rows, last = cut(found, limit)
            channels = _channels_of(tx, [row[0] for row in rows])
            total = len(rows)
            if after or offset or last is not None:
                total = tx.execute(_count(listed), as_of_now).scalar_one()
        return SensorPage(
            sensors=tuple([_view(row, its, as_of_now) for row, its in zip(rows, channels, strict=True)]),
            next_after=None if last is None else last.id,
            total=total,
        )

    def position(self) -> int:
        """Of the log's last event."""
        with self._database.reading(once=True) as tx:
            return int(tx.execute(_POSITION).scalar_one_or_none() or 0)

    def has_sensors(self) -> bool:
        with self._database.reading() as tx:
            return tx.execute(select(tables.sensor.c.id).limit(1)).first() is not None


class _Listed(NamedTuple):
    """What of the sensors a list shows."""

    visible: Visible
    network_id: str | None
    box: Box | None
    status: Status | None

    def of(self, query: Select[Any]) -> Select[Any]:
        query = self.visible.of(query)
        if self.network_id is not None:
            query = query.where(tables.sensor.c.network_id == self.network_id)
        if self.box is not None:
            query = _inside(query, self.box)
        return query if self.status is None else query.where(has_status(self.status))


# Statements are kept: to make one, and to look how it is compiled, costs what its rows cost.
@lru_cache(_STATEMENTS_MAX)
def _one(visible: Visible) -> Select[Any]:
    found = visible.of(select(*_COLUMNS).where(tables.sensor.c.id == bindparam("id"))).subquery()
    channel = tables.channel
    return (
        select(found, *(channel.c[name] for name in _OF_CHANNEL))
        .outerjoin(channel, channel.c.sensor_id == found.c.id)
        .order_by(channel.c.location_code, channel.c.code)
    )


@lru_cache(_STATEMENTS_MAX)
def _page(listed: _Listed, limit: int, is_after: bool) -> Select[Any]:
    query = listed.of(select(*_COLUMNS)).offset(bindparam("offset", type_=Integer))
    return keyset(query, _BY_ID, (bindparam("after", type_=String),) if is_after else None, limit)


@lru_cache(_STATEMENTS_MAX)
def _count(listed: _Listed) -> Select[Any]:
    return listed.of(select(func.count()).select_from(tables.sensor))


@cache
def _channels(dialect: str) -> Select[Any]:
    asked, channel = asked_values(dialect), tables.channel
    columns = *(channel.c[name] for name in _OF_CHANNEL), asked.c.place
    return select(*columns).join_from(asked, channel, channel.c.sensor_id == asked.c.value)


def _channels_of(tx: Connection, sensor_ids: Sequence[str]) -> list[list[Sequence[Any]]]:
    """Of each sensor, by location and code. Joined to sensors, their own columns would come once a channel."""
    found: list[list[Sequence[Any]]] = [[] for _ in sensor_ids]
    for row in tx.execute(_channels(tx.dialect.name), {"asked": encoded(sensor_ids)}).all():
        found[row[-1]].append(row)
    for its in found:
        its.sort(key=_by_location_and_code)
    return found


def _inside(query: Select[Any], box: Box) -> Select[Any]:
    longitude, latitude = tables.sensor.c.longitude, tables.sensor.c.latitude
    query = query.where(latitude >= box.south, latitude <= box.north)
    if box.west <= box.east:
        return query.where(longitude >= box.west, longitude <= box.east)
    return query.where((longitude >= box.west) | (longitude <= box.east))


def _view(row: Sequence[Any], channels: Sequence[Sequence[Any]], as_of_now: Mapping[str, int]) -> SensorView:
    """`row`: _COLUMNS. `channels`: each begins with _OF_CHANNEL."""
    last_ns = max([channel[3] for channel in channels], default=None)
    return replace(
        _unheard(row[:-1], tuple([channel[:3] for channel in channels])),
        status=status_of(last_ns, row[-1], as_of_now),
        last_sample_at=None if last_ns is None else from_nanoseconds(last_ns),
    )


@lru_cache(_UNHEARD_MAX)
def _unheard(row: tuple[Any, ...], channels: tuple[tuple[str, str, float], ...]) -> SensorView:
    """A sensor without what its last samples change. Kept, for it seldom changes: made anew, it costs what reading it
    costs.
    """
    id_, organisation_id, name, network, station, network_id, latitude, longitude, elevation_m, unit, *more = row
    site_name, serial_number, firmware_version, device_type, created_us, configuration, revision = more
    return SensorView(
        id=id_,
        organisation_id=organisation_id,
        name=name,
        network=network,
        station=station,
        network_id=network_id,
        location=location(latitude, longitude, elevation_m),
        channels=tuple([ChannelView(code, place, rate_hz, unit) for code, place, rate_hz in channels]),
        unit=unit,
        status=Status.OFFLINE,
        last_sample_at=None,
        site_name=site_name,
        serial_number=serial_number,
        firmware_version=firmware_version,
        device_type=device_type,
        created_at=None if created_us is None else from_microseconds(created_us),
        configuration=_UNSET if configuration == "{}" else _configuration(configuration),
        revision=revision,
    )
