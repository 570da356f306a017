"""Projection of sensor events into table `sensor`, in the transaction that appends them."""

from typing import assert_never

import msgspec
from sqlalchemy import Connection, delete, insert, update

from services.sensors import tables
from services.sensors.registry import epoch_rows
from services.sensors.registry.epoch import OF_SENSOR, latest
from services.sensors.registry.events import (
    SensorConfigured,
    SensorDeleted,
    SensorEpochStated,
    SensorEvent,
    SensorLocated,
    SensorMoved,
    SensorRegistered,
)
from services.sensors.registry.sensor import epoch_of
from shared.eventsourcing.event_store import StoredEvent
from shared.values.timestamps import to_microseconds


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
                    created_us=to_microseconds(event.registered_at),
                    network_id=event.network_id,
                )
            )
        case SensorLocated():
            tx.execute(
                update(table)
                .where(table.c.id == event.sensor_id)
                .values(latitude=event.latitude, longitude=event.longitude, elevation_m=event.elevation_m)
            )
        case SensorEpochStated():
            _overlay(tx, event)
        case SensorConfigured():
            configuration = msgspec.json.encode(event.configuration).decode()
            changed = update(table).where(table.c.id == event.sensor_id)
            tx.execute(changed.values(configuration=configuration, revision=event.revision))
        case SensorMoved():
            tx.execute(update(table).where(table.c.id == event.sensor_id).values(network_id=event.network_id))
        case SensorDeleted():
            tx.execute(delete(table).where(table.c.id == event.sensor_id))
            epoch_rows.forget(tx, event.sensor_id)
        case _:
            assert_never(event)


def _overlay(tx: Connection, event: SensorEpochStated) -> None:
    axis, table = event.axis or OF_SENSOR, tables.sensor
    epochs = epoch_rows.state(tx, event.sensor_id, axis, epoch_of(event))
    if axis != OF_SENSOR:
        return
    facts = latest(epochs)
    known = {name: getattr(facts, name) for name in ("serial_number", "firmware_version", "device_type")}
    if facts.place is not None:
        known |= msgspec.to_builtins(facts.place)
    tx.execute(update(table).where(table.c.id == event.sensor_id).values(known))
