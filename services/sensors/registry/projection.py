"""Projection of sensor events into table `sensor`, in the transaction that appends them."""

from typing import assert_never

from sqlalchemy import Connection, delete, insert, update

from services.sensors import tables
from services.sensors.registry.events import (
    SensorDeleted,
    SensorEvent,
    SensorLocated,
    SensorMoved,
    SensorRegistered,
)
from shared.eventsourcing.event_store import StoredEvent


def project(tx: Connection, row: StoredEvent, event: SensorEvent) -> None:
    table = tables.sensor
    match event:
        case SensorRegistered():
            tx.execute(
                insert(table).values(
                    id=event.sensor_id,
                    organisation_id=event.organisation_id,
                    network=event.network,
                    station=event.station,
                    name=event.name,
                    latitude=event.latitude,
                    longitude=event.longitude,
                    elevation_m=event.elevation_m,
                    unit=event.unit,
                    network_id=event.network_id,
                )
            )
        case SensorLocated():
            tx.execute(
                update(table)
                .where(table.c.id == event.sensor_id)
                .values(latitude=event.latitude, longitude=event.longitude, elevation_m=event.elevation_m)
            )
        case SensorMoved():
            tx.execute(update(table).where(table.c.id == event.sensor_id).values(network_id=event.network_id))
        case SensorDeleted():
            tx.execute(delete(table).where(table.c.id == event.sensor_id))
        case _:
            assert_never(event)
