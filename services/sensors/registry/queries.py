"""Queries for sensors, for HTTP and RPC alike. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Row, Select, func, select

from services.sensors import tables
from services.sensors.registry.configuration import Configuration
from services.sensors.registry.sensor import Location, location
from services.sensors.registry.status import Status, status_at
from services.sensors.registry.visible import Visible
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.sql.keyset import By, cut, keyset
from shared.values.timestamps import from_microseconds, from_nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelView:
    code: str
    location_code: str
    sample_rate_hz: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorView:
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


_UNSET = Configuration()
_configuration = msgspec.json.Decoder(Configuration).decode


class SensorQueries:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def get_sensor(self, visible: Visible, sensor_id: str) -> SensorView | None:
        """One query. None: no visible sensor, whether or not there is one for others."""
        sensors = self._views(visible.of(self._sensors().where(tables.sensor.c.id == sensor_id)))
        return sensors[0] if sensors else None

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
        query = visible.of(self._sensors())
        if network_id is not None:
            query = query.where(tables.sensor.c.network_id == network_id)
        if box is not None:
            query = _inside(query, box)
        if status is not None:
            query = query.where(status_at(self._clock.now()) == status.value)
        by_id, place = (By(tables.sensor.c.id),), (after,) if after else None
        found, last = cut(self._views(keyset(query, by_id, place, limit).offset(offset)), limit)
        if place is None and offset == 0 and last is None:
            return SensorPage(sensors=tuple(found), next_after=None, total=len(found))
        with self._database.reading() as tx:
            total = tx.execute(query.with_only_columns(func.count(), maintain_column_froms=True)).scalar_one()
        return SensorPage(sensors=tuple(found), next_after=None if last is None else last.id, total=total)

    def position(self) -> int:
        """Of the log's last event."""
        with self._database.reading(once=True) as tx:
            return int(tx.execute(select(tables.log_head.c.position)).scalar_one_or_none() or 0)

    def has_sensors(self) -> bool:
        with self._database.reading() as tx:
            return tx.execute(select(tables.sensor.c.id).limit(1)).first() is not None

    def _sensors(self) -> Select[Any]:
        return select(tables.sensor, status_at(self._clock.now()).label("status"))

    def _views(self, sensors: Select[Any]) -> list[SensorView]:
        found, channel = sensors.subquery(), tables.channel
        query = (
            select(found, channel.c.code, channel.c.location_code, channel.c.sample_rate_hz, channel.c.last_sample_ns)
            .outerjoin(channel, channel.c.sensor_id == found.c.id)
            .order_by(found.c.id, channel.c.location_code, channel.c.code)
        )
        with self._database.reading() as tx:
            rows = tx.execute(query).all()
        return [_view(list(group)) for _, group in groupby(rows, key=lambda row: row.id)]


def _inside(query: Select[Any], box: Box) -> Select[Any]:
    longitude, latitude = tables.sensor.c.longitude, tables.sensor.c.latitude
    query = query.where(latitude >= box.south, latitude <= box.north)
    if box.west <= box.east:
        return query.where(longitude >= box.west, longitude <= box.east)
    return query.where((longitude >= box.west) | (longitude <= box.east))


def _view(rows: list[Row[Any]]) -> SensorView:
    row = rows[0]
    last = _last_sample(rows)
    return SensorView(
        id=row.id,
        organisation_id=row.organisation_id,
        name=row.name,
        network=row.network,
        station=row.station,
        network_id=row.network_id,
        location=location(row.latitude, row.longitude, row.elevation_m),
        channels=tuple(
            ChannelView(
                code=channel.code,
                location_code=channel.location_code,
                sample_rate_hz=channel.sample_rate_hz,
                unit=row.unit,
            )
            for channel in rows
            if channel.code is not None
        ),
        unit=row.unit,
        status=Status(row.status),
        last_sample_at=last,
        site_name=row.site_name,
        serial_number=row.serial_number,
        firmware_version=row.firmware_version,
        created_at=None if row.created_us is None else from_microseconds(row.created_us),
        configuration=_UNSET if row.configuration == "{}" else _configuration(row.configuration),
        revision=row.revision,
    )


def _last_sample(rows: Iterable[Row[Any]]) -> datetime | None:
    latest = max((row.last_sample_ns for row in rows if row.last_sample_ns is not None), default=None)
    return None if latest is None else from_nanoseconds(latest)
