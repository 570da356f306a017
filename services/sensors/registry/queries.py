"""Queries for sensors, for HTTP and RPC alike. Reads only."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Select, func, select

from services.sensors import tables
from services.sensors.registry.sensor import Location, location
from services.sensors.registry.visible import Visible
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.sql.keyset import By, cut, keyset
from shared.values.timestamps import from_nanoseconds

ONLINE_WITHIN = timedelta(minutes=10)


class Status(enum.StrEnum):
    """Online: the last sample is at most ONLINE_WITHIN old."""

    ONLINE = "online"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelView:
    code: str
    location_code: str
    sample_rate_hz: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorView:
    """`last_sample_at` None: nothing recorded yet."""

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


class SensorQueries:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def get_sensor(self, visible: Visible, sensor_id: str) -> SensorView | None:
        """One query. None: no visible sensor, whether or not there is one for others."""
        sensors = self._views(visible.of(select(tables.sensor).where(tables.sensor.c.id == sensor_id)))
        return sensors[0] if sensors else None

    def list_sensors(
        self,
        visible: Visible,
        limit: int,
        after: str = "",
        box: Box | None = None,
        offset: int = 0,
        network_id: str | None = None,
    ) -> SensorPage:
        """By id, past `after` ("": from the first) and `offset` more. A sensor whose place is unknown is in no box."""
        query = visible.of(select(tables.sensor))
        if network_id is not None:
            query = query.where(tables.sensor.c.network_id == network_id)
        if box is not None:
            query = _inside(query, box)
        by_id, place = (By(tables.sensor.c.id),), (after,) if after else None
        found, last = cut(self._views(keyset(query, by_id, place, limit).offset(offset)), limit)
        with self._database.reading() as tx:
            total = tx.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        return SensorPage(sensors=tuple(found), next_after=None if last is None else last.id, total=total)

    def has_sensors(self) -> bool:
        with self._database.reading() as tx:
            return tx.execute(select(tables.sensor.c.id).limit(1)).first() is not None

    def _views(self, sensors: Select[Any]) -> list[SensorView]:
        found, channel = sensors.subquery(), tables.channel
        query = (
            select(found, channel.c.code, channel.c.location_code, channel.c.sample_rate_hz, channel.c.last_sample_ns)
            .outerjoin(channel, channel.c.sensor_id == found.c.id)
            .order_by(found.c.id, channel.c.location_code, channel.c.code)
        )
        with self._database.reading() as tx:
            rows = tx.execute(query).all()
        now = self._clock.now()
        return [_view(list(group), now) for _, group in groupby(rows, key=lambda row: row.id)]


def _inside(query: Select[Any], box: Box) -> Select[Any]:
    longitude, latitude = tables.sensor.c.longitude, tables.sensor.c.latitude
    query = query.where(latitude >= box.south, latitude <= box.north)
    if box.west <= box.east:
        return query.where(longitude >= box.west, longitude <= box.east)
    return query.where((longitude >= box.west) | (longitude <= box.east))


def _view(rows: list[Row[Any]], now: datetime) -> SensorView:
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
        status=Status.ONLINE if last is not None and now - last <= ONLINE_WITHIN else Status.OFFLINE,
        last_sample_at=last,
    )


def _last_sample(rows: Iterable[Row[Any]]) -> datetime | None:
    latest = max((row.last_sample_ns for row in rows if row.last_sample_ns is not None), default=None)
    return None if latest is None else from_nanoseconds(latest)
