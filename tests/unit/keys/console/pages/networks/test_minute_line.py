"""The picture of a minute: from lowest to highest in each column, broken where nothing was recorded."""

from services.keys.console.pages.networks.minute_line import HEIGHT, minute_line
from services.keys.console.pages.networks.network_states import Minute
from tests.examples import NOON


def line(lows: list[float | None], highs: list[float | None]) -> str:
    return minute_line(Minute(channel="BHZ", ends_at=NOON, lows=tuple(lows), highs=tuple(highs)))


def test_each_column_goes_from_its_lowest_to_its_highest_sample() -> None:
    assert line([-1.0, 0.0], [1.0, 0.0]) == f"M60.0 {HEIGHT - 1:.1f}V1.0L180.0 20.0V20.0"


def test_a_gap_breaks_the_line() -> None:
    drawn = line([0.0, None, 0.0], [1.0, None, 1.0])
    assert (drawn.count("M"), drawn.count("L")) == (2, 0)


def test_samples_that_are_all_alike_are_a_line_in_the_middle() -> None:
    assert line([5.0, 5.0], [5.0, 5.0]) == "M60.0 20.0V20.0L180.0 20.0V20.0"


def test_of_nothing_nothing_is_drawn() -> None:
    assert line([None], [None]) == ""
