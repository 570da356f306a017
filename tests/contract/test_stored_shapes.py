"""What a log holds is read for ever: each shape ever written has a golden file, which nobody edits.

A new shape, or a new version of one, comes with its file; the text to put there is in the failing assertion.
"""

import pytest

import services.sensors.publication  # noqa: F401  each room registers its own events, and it knows them all
from services.keys import events as keys
from services.sensors import publication  # noqa: F401  which knows the events of every room
from services.sensors.registry import events as sensors
from shared.eventsourcing.event_types import EventTypes
from tests.contract.golden_files import Golden, golden_files

LOGS: dict[str, EventTypes] = {
    "keys": keys.types,
    "sensors": sensors.types,
}
FILES = [(LOGS[log], golden) for log in LOGS for golden in golden_files(log)]
shape_by_shape = pytest.mark.parametrize(("types", "golden"), FILES, ids=[golden.name for _, golden in FILES])


@pytest.mark.parametrize("log", LOGS)
def test_every_version_of_every_shape_has_its_golden_file(log: str) -> None:
    written = {(type_, n) for type_, (_, newest) in LOGS[log].shapes().items() for n in range(1, newest + 1)}
    assert {(golden.type, golden.version) for golden in golden_files(log)} == written


@shape_by_shape
def test_every_shape_ever_written_is_still_read(types: EventTypes, golden: Golden) -> None:
    shape, _ = types.shapes()[golden.type]
    assert isinstance(types.decode(golden.type, golden.version, golden.text), shape)


@shape_by_shape
def test_what_is_written_today_is_the_golden_text_to_the_byte(types: EventTypes, golden: Golden) -> None:
    """An older version is written no more: its event comes out as the newest."""
    event = types.decode(golden.type, golden.version, golden.text)
    written = types.encode(event)
    _, newest = types.shapes()[golden.type]
    assert (written.type, written.schema_version) == (golden.type, newest)
    if golden.version == newest:
        assert written.data == golden.text
