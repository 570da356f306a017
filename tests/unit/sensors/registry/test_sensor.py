"""A sensor's decisions: right events, refusal, quiet."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce

import pytest

from services.sensors.registry.events import SensorDeleted, SensorEvent, SensorLocated, SensorRegistered
from services.sensors.registry.sensor import (
    Location,
    RegisterSensor,
    Sensor,
    StationCodeTaken,
    decide,
    decide_deletion,
    evolve,
    sensor_id,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MEXICO_CITY = Location(latitude=19.33, longitude=-99.18, elevation_m=None)
REGISTER = RegisterSensor(
    organisation_id="org_1", network="MX", station="000", name="000", unit="mGal", location=MEXICO_CITY
)


def given(*events: SensorEvent) -> Sensor | None:
    return reduce(evolve, events, None)


def registered(command: RegisterSensor = REGISTER) -> SensorRegistered:
    (event,) = decide(None, command, NOON)
    assert isinstance(event, SensorRegistered)
    return event


def test_a_station_seen_first_is_registered_where_it_stands() -> None:
    event = registered()
    assert (event.network, event.station, event.unit) == ("MX", "000", "mGal")
    assert (event.latitude, event.longitude, event.elevation_m) == (19.33, -99.18, None)


def test_a_station_seen_again_changes_nothing() -> None:
    assert decide(given(registered()), REGISTER, NOON) == ()
    assert decide(given(registered()), replace(REGISTER, location=None), NOON) == ()


def test_a_place_learned_later_is_an_event_of_its_own() -> None:
    placeless = registered(replace(REGISTER, location=None))
    (event,) = decide(given(placeless), REGISTER, NOON)
    assert isinstance(event, SensorLocated)
    assert given(placeless, event) == given(registered())


def test_another_device_under_the_same_codes_is_refused() -> None:
    with pytest.raises(StationCodeTaken, match=r"MX\.000 is already the sensor '000'"):
        decide(given(registered()), replace(REGISTER, name="a8032487f8b1"), NOON)


def test_a_deleted_sensor_is_deleted_once_and_may_be_registered_again() -> None:
    (event,) = decide_deletion(given(registered()), NOON)
    assert isinstance(event, SensorDeleted)
    assert decide_deletion(given(registered(), event), NOON) == ()
    assert decide(given(registered(), event), REGISTER, NOON) == (registered(),)


def test_an_id_is_the_same_for_the_same_station_of_the_same_organisation_only() -> None:
    assert sensor_id("org_1", "MX", "000") == REGISTER.sensor_id
    assert len({sensor_id("org_1", "MX", "001"), sensor_id("org_2", "MX", "000"), REGISTER.sensor_id}) == 3
