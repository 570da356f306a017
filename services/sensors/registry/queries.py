"""Queries for sensors, for HTTP and RPC alike. Reads only."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, func, select

from services.sensors import tables
from services.sensors.registry.configuration import Configuration
from services.sensors.registry.sensor import Location, location
from services.sensors.registry.status import Status, status_at
from services.sensors.registry.visible import Visible
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.sql.keyset import By, read_page
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
_COLUMNS = (
    *("id", "organisation_id", "name", "network", "station", "network_id", "latitude", "longitude", "elevation_m"),
    *("unit", "site_name", "serial_number", "firmware_version", "device_type", "created_us", "configuration"),
    "revision",
)
_OF_CHANNEL = ("sensor_id", "code", "location_code", "sample_rate_hz", "last_sample_ns")
_CHANNELS = select(*(tables.channel.c[name] for name in _OF_CHANNEL))
_BY_ID = (By(tables.sensor.c.id),)
_POSITION = select(tables.log_head.c.position)
_UNSET = Configuration()
_configuration = msgspec.json.Decoder(Configuration).decode


class SensorQueries:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def get_sensor(self, visible: Visible, sensor_id: str) -> SensorView | None:
        """One query. None: no visible sensor, whether or not there is one for others."""
        found, channels = (
            visible.of(select(*self._columns()).where(tables.sensor.c.id == sensor_id)).subquery(),
            _CHANNELS.subquery(),
        )
        query = (
            select(found, channels)
            .outerjoin(channels, channels.c.sensor_id == found.c.id)
            .order_by(channels.c.location_code, channels.c.code)
        )
        with self._database.reading(once=True) as tx:
            rows = tx.execute(query).all()
        width = len(_COLUMNS) + 1
        return _view(rows[0][:width], [row[width + 1 :] for row in rows if row.code is not None]) if rows else None

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
        query = visible.of(select(tables.sensor.c.id))
        if network_id is not None:
            query = query.where(tables.sensor.c.network_id == network_id)
        if box is not None:
            query = _inside(query, box)
        if status is not None:
            query = query.where(status_at(self._clock.now()) == status.value)
        place = (after,) if after else None
        sensors = query.with_only_columns(*self._columns(), maintain_column_froms=True).offset(offset)
        with self._database.reading() as tx:
            rows, last = read_page(tx, sensors, _BY_ID, place, limit)
            channels = _channels(tx, [row.id for row in rows])
            total = len(rows)
            if place is not None or offset or last is not None:
                counted = query.with_only_columns(func.count(), maintain_column_froms=True)
                total = tx.execute(counted).scalar_one()
        return SensorPage(
            sensors=tuple(_view(row, channels[row.id]) for row in rows),
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

    def _columns(self) -> list[ColumnElement[Any]]:
        return [*(tables.sensor.c[name] for name in _COLUMNS), status_at(self._clock.now()).label("status")]


def _channels(tx: Connection, sensor_ids: Sequence[str]) -> Mapping[str, list[tuple[Any, ...]]]:
    """By sensor. Joined to them, a sensor's own columns would come once a channel."""
    table = tables.channel
    query = _CHANNELS.where(table.c.sensor_id.in_(sensor_ids)).order_by(table.c.location_code, table.c.code)
    found = defaultdict[str, list[tuple[Any, ...]]](list)
    for sensor_id, *channel in tx.execute(query):
        found[sensor_id].append(tuple(channel))
    return found


def _inside(query: Select[Any], box: Box) -> Select[Any]:
    longitude, latitude = tables.sensor.c.longitude, tables.sensor.c.latitude
    query = query.where(latitude >= box.south, latitude <= box.north)
    if box.west <= box.east:
        return query.where(longitude >= box.west, longitude <= box.east)
    return query.where((longitude >= box.west) | (longitude <= box.east))


def _view(row: Sequence[Any], channels: Sequence[Sequence[Any]]) -> SensorView:
    """`row`: _COLUMNS and the status. `channels`: what follows the sensor's id in _OF_CHANNEL."""
    id_, organisation_id, name, network, station, network_id, latitude, longitude, elevation_m, *more = row
    unit, site_name, serial_number, firmware_version, device_type, created_us, configuration, revision, status = more
    last_ns = max([last_ns for *_, last_ns in channels if last_ns is not None], default=None)
    return SensorView(
        id=id_,
        organisation_id=organisation_id,
        name=name,
        network=network,
        station=station,
        network_id=network_id,
        location=location(latitude, longitude, elevation_m),
        channels=tuple([ChannelView(code, place, rate_hz, unit) for code, place, rate_hz, _ in channels]),
        unit=unit,
        status=Status(status),
        last_sample_at=None if last_ns is None else from_nanoseconds(last_ns),
        site_name=site_name,
        serial_number=serial_number,
        firmware_version=firmware_version,
        device_type=device_type,
        created_at=None if created_us is None else from_microseconds(created_us),
        configuration=_UNSET if configuration == "{}" else _configuration(configuration),
        revision=revision,
    )
