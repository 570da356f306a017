"""A day in a line: what a path draws of 25 numbers."""

from services.keys.console.pages.listing.day_line import HEIGHT, day_line


def test_the_highest_hour_takes_the_whole_height_and_a_single_request_is_seen() -> None:
    line = day_line([0, 1, 5000], [0, 0, 2500])
    assert line.whole == f"M4 {HEIGHT}v-2h3v2zM8 {HEIGHT}v-20h3v20z"
    assert line.part == f"M8 {HEIGHT}v-10h3v10z"
    assert line.width == 12


def test_a_day_without_requests_draws_nothing() -> None:
    assert day_line([0] * 25, [0] * 25)[:2] == ("", "")
