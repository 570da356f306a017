"""A channel that is asked for names the sensor's own of the same orientation, as programs for another model ask."""

import pytest

from services.sensors.recordings.asked_channel import codes_named


@pytest.mark.parametrize(
    ("asked", "known", "named"),
    [
        ("HNZ", ["HNZ", "BNZ"], {"HNZ"}),
        ("HNZ", ["BNZ", "BN1", "BN2"], {"HNZ", "BNZ"}),
        ("HNZ", ["BNZ", "BHZ"], {"HNZ", "BNZ"}),
        ("HNZ", ["BHZ", "BHN"], {"HNZ", "BHZ"}),
        ("HNN", ["BNZ", "BN1", "BN2"], {"HNN", "BN1"}),
        ("HNE", ["BNZ", "BN1", "BN2"], {"HNE", "BN2"}),
        ("HNE", ["BNE", "BN2"], {"HNE", "BNE"}),
        ("HNZ", ["LCQ"], {"HNZ"}),
        ("HNZ", [], {"HNZ"}),
    ],
)
def test_a_code_that_the_sensor_lacks_names_those_of_its_orientation(
    asked: str, known: list[str], named: set[str]
) -> None:
    assert codes_named(asked, known) == named
