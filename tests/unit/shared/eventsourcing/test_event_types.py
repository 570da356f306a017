"""What was written once is read for ever, and what this code does not know is refused by name."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.eventsourcing.event_types import Data, EventTypes, UnknownEventType
from tests.examples import NOON

types = EventTypes()


@types.register("SensorTilted", version=3)
@dataclass(frozen=True, slots=True, kw_only=True)
class Tilted:
    """Its class is named otherwise than its type: renaming code rewrites no history."""

    sensor_id: str
    degrees: float
    axes: tuple[str, ...]
    at: datetime


@types.upcaster("SensorTilted", from_version=1)
def _milliradians_become_degrees(data: Data) -> Data:
    return {"sensor_id": data["sensor_id"], "degrees": data["milliradians"] * 0.0573, "at": data["at"]}


@types.upcaster("SensorTilted", from_version=2)
def _tilts_gain_axes(data: Data) -> Data:
    return data | {"axes": ["x", "y"]}


TILTED = Tilted(sensor_id="s1", degrees=1.5, axes=("z",), at=NOON)


@given(
    st.builds(
        Tilted,
        sensor_id=st.text(),
        degrees=st.floats(allow_nan=False, allow_infinity=False),
        axes=st.lists(st.text()).map(tuple),
        at=st.datetimes(timezones=st.just(UTC)),
    )
)
def test_any_event_comes_back_from_its_encoding_as_it_was(event: Tilted) -> None:
    encoded = types.encode(event)
    assert (encoded.type, encoded.schema_version) == ("SensorTilted", 3)
    assert types.decode(encoded.type, encoded.schema_version, encoded.data) == event


@pytest.mark.parametrize(
    ("version", "data", "degrees", "axes"),
    [
        (1, '{"sensor_id":"s1","milliradians":100,"at":"2026-11-23T12:00:00Z"}', 5.73, ("x", "y")),
        (2, '{"sensor_id":"s1","degrees":1.5,"at":"2026-11-23T12:00:00Z"}', 1.5, ("x", "y")),
        (3, '{"sensor_id":"s1","degrees":1.5,"axes":["z"],"at":"2026-11-23T12:00:00Z"}', 1.5, ("z",)),
    ],
)
def test_an_event_of_any_age_is_read_through_each_step_in_turn(
    version: int, data: str, degrees: float, axes: tuple[str, ...]
) -> None:
    event = types.decode("SensorTilted", version, data)
    assert isinstance(event, Tilted)
    assert event == replace(TILTED, degrees=event.degrees, axes=axes)
    assert event.degrees == pytest.approx(degrees)


def test_reading_an_old_event_leaves_the_stored_text_alone() -> None:
    assert types.encode(TILTED).data == '{"sensor_id":"s1","degrees":1.5,"axes":["z"],"at":"2026-11-23T12:00:00Z"}'


@pytest.mark.parametrize(("type_", "version"), [("SensorMelted", 1), ("SensorTilted", 4), ("SensorTilted", 0)])
def test_a_shape_this_code_does_not_know_is_refused_by_name_and_version(type_: str, version: int) -> None:
    with pytest.raises(UnknownEventType, match=f"{type_} version {version}") as refusal:
        types.decode(type_, version, types.encode(TILTED).data)
    assert (refusal.value.type, refusal.value.version) == (type_, version)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("data", ['{"sensor_id":"s1"}', '{"sensor_id":"s1","degrees":"steep","axes":[],"at":0}', "[]"])
def test_data_that_does_not_fit_its_shape_is_refused_and_never_guessed(version: int, data: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        types.decode("SensorTilted", version, data)


def test_a_type_is_registered_once() -> None:
    with pytest.raises(ValueError, match="SensorTilted is registered twice"):
        types.register("SensorTilted")(dataclass(type("Impostor", (), {})))
