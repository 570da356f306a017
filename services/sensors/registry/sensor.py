"""A sensor as an aggregate: `decide` and `evolve`. Pure. Its recordings are data, not events, and are not here."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from services.sensors.registry.configuration import FIRST_REVISION, Configuration
from services.sensors.registry.epoch import EVER_NS, FOREVER_NS, OF_SENSOR, Epoch, Epochs, overlaid
from services.sensors.registry.events import (
    SensorConfigured,
    SensorDeleted,
    SensorEpochStated,
    SensorEvent,
    SensorLocated,
    SensorMoved,
    SensorRegistered,
)
from shared.values.base62 import base62
from shared.values.timestamps import to_nanoseconds

_ID_CHARACTERS = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Degrees and metres, WGS 84."""

    latitude: float
    longitude: float
    elevation_m: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """`epochs`: by axis, OF_SENSOR for the whole. `revision`: of the configuration."""

    sensor_id: str
    organisation_id: str
    name: str
    unit: str
    location: Location | None
    epochs: Mapping[str, Epochs] = field(default_factory=dict)
    configuration: Configuration = field(default_factory=Configuration)
    revision: int = FIRST_REVISION
    network_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSensor:
    """What a recording states of the station it comes from. `network_id`: where it belongs, if it is not known yet.

    `network_code`: in place of `network`, from which the sensor's id is made all the same: the code of an organisation
    may change, and its sensors stay themselves.
    """

    organisation_id: str
    network: str
    station: str
    name: str
    unit: str
    location: Location | None
    network_id: str | None = None
    network_code: str | None = None

    @property
    def sensor_id(self) -> str:
        return sensor_id(self.organisation_id, self.network, self.station)


class StationCodeTaken(Exception):
    """The organisation has another sensor under these codes, and recordings of two must not be mixed."""

    def __init__(self, command: RegisterSensor, state: Sensor) -> None:
        super().__init__(
            f"{command.network}.{command.station} is already the sensor {state.name!r} ({state.unit}); "
            f"recordings of {command.name!r} ({command.unit}) cannot be added to it"
        )


def sensor_id(organisation_id: str, network: str, station: str) -> str:
    """Deterministic id, so that a repeated import of a station finds its sensor."""
    digest = hashlib.sha256(f"{organisation_id}/{network}/{station}".encode()).digest()
    return f"sen_{base62(int.from_bytes(digest[:16], 'big'), _ID_CHARACTERS)}"


def decide(state: Sensor | None, command: RegisterSensor, now: datetime) -> tuple[SensorEvent, ...]:
    """Registers the sensor, or adds its missing location, or does nothing. Raises StationCodeTaken."""
    if state is None:
        return (_registered(command, now),)
    if (state.name, state.unit) != (command.name, command.unit):
        raise StationCodeTaken(command, state)
    if state.location is None and command.location is not None:
        return (
            SensorLocated(
                sensor_id=state.sensor_id,
                organisation_id=state.organisation_id,
                latitude=command.location.latitude,
                longitude=command.location.longitude,
                elevation_m=command.location.elevation_m,
                located_at=now,
            ),
        )
    return ()


def decide_move(state: Sensor | None, network_id: str, now: datetime) -> tuple[SensorEvent, ...]:
    """Moves the sensor to the network, if it is not there; one that was deleted stays where it is."""
    if state is None or state.network_id == network_id:
        return ()
    return (
        SensorMoved(
            sensor_id=state.sensor_id, organisation_id=state.organisation_id, network_id=network_id, moved_at=now
        ),
    )


def decide_deletion(state: Sensor | None, now: datetime) -> tuple[SensorEvent, ...]:
    """Deletes the sensor, or finds none."""
    if state is None:
        return ()
    return (SensorDeleted(sensor_id=state.sensor_id, organisation_id=state.organisation_id, deleted_at=now),)


def evolve(state: Sensor | None, event: SensorEvent) -> Sensor | None:
    match event:
        case SensorRegistered():
            return Sensor(
                sensor_id=event.sensor_id,
                organisation_id=event.organisation_id,
                name=event.name,
                unit=event.unit,
                location=location(event.latitude, event.longitude, event.elevation_m),
                network_id=event.network_id,
            )
        case SensorLocated():
            found = location(event.latitude, event.longitude, event.elevation_m)
            return None if state is None else replace(state, location=found)
        case SensorEpochStated():
            if state is None:
                return None
            axis = event.axis or OF_SENSOR
            epochs = overlaid(state.epochs.get(axis, ()), epoch_of(event))
            return replace(state, epochs={**state.epochs, axis: epochs})
        case SensorConfigured():
            return None if state is None else replace(state, configuration=event.configuration, revision=event.revision)
        case SensorMoved():
            return None if state is None else replace(state, network_id=event.network_id)
        case SensorDeleted():
            return None
        case _:
            assert_never(event)


def epoch_of(event: SensorEpochStated) -> Epoch:
    return Epoch(
        from_ns=EVER_NS if event.starts_at is None else to_nanoseconds(event.starts_at),
        to_ns=FOREVER_NS if event.ends_at is None else to_nanoseconds(event.ends_at),
        facts=event.facts,
    )


def location(latitude: float | None, longitude: float | None, elevation_m: float | None) -> Location | None:
    """None unless both coordinates are known."""
    if latitude is None or longitude is None:
        return None
    return Location(latitude=latitude, longitude=longitude, elevation_m=elevation_m)


def _registered(command: RegisterSensor, now: datetime) -> SensorRegistered:
    where = command.location
    return SensorRegistered(
        sensor_id=command.sensor_id,
        organisation_id=command.organisation_id,
        network=command.network_code or command.network,
        station=command.station,
        name=command.name,
        latitude=where.latitude if where else None,
        longitude=where.longitude if where else None,
        elevation_m=where.elevation_m if where else None,
        unit=command.unit,
        registered_at=now,
        network_id=command.network_id,
    )
