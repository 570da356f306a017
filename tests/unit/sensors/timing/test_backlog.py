"""Which eras records of a backlog are of, if the device's clock was set while it was cut off."""

import random

import pytest

from services.sensors.timing.eras import assign
from services.sensors.timing.hull import Piece, Point, pieces_of
from tests.unit.sensors.timing.test_eras import at

SPAN_S = 7.0


def sampled(begin: int, end: int, set_s: float, came_s: float | None = None) -> list[Point]:
    """From true second `begin` on; they come at once, or in one burst."""
    seconds = [begin + SPAN_S * number for number in range(int((end - begin) / SPAN_S))]
    return [at(second + set_s, second + 0.4 if came_s is None else came_s) for second in seconds]


def known_of(points: list[Point]) -> dict[int, Piece]:
    return pieces_of((point.device_ns, point.cloud_ns, 220) for point in points)


def eras(known: dict[int, dict[int, Piece]], burst: list[Point], seed: int) -> list[int | None]:
    """As the burst stands, though it came in another order."""
    order = random.Random(seed).sample(range(len(burst)), len(burst))
    spans_ns = [round(SPAN_S * 1e9)] * len(burst)
    points = [burst[place] for place in order]
    found = assign(known, points, newest=2, due=range(len(burst)), spans_ns=spans_ns).eras
    return [era for _, era in sorted(zip(order, found, strict=True))]


@pytest.mark.parametrize("set_s", [-24.0, -100.0, -303.0, 24.0, 100.0, 303.0])
def test_a_backlog_is_of_both_settings_though_the_clock_was_set_by_less_than_the_outage_took(set_s: float) -> None:
    known = {1: known_of(sampled(0, 700, 0)), 2: known_of(sampled(1400, 2100, set_s))}
    old, new = sampled(700, 1050, 0, came_s=1400.4), sampled(1050, 1400, set_s, came_s=1400.4)
    # One that lies on the level before is taken as it comes, before any other level is known.
    new = [point for point in new if abs(point.delay_ns - 400_000_000) > 5_000_000_000]
    for seed in range(3):
        assert eras(known, [*old, *new], seed) == [1] * len(old) + [2] * len(new)


def test_a_backlog_is_of_the_era_that_begins_after_another_outage_right_after_it() -> None:
    """The clock was set back by an hour: of those times the era before has samples, and no message came between."""
    known = {1: known_of(sampled(0, 4200, 0)), 2: known_of(sampled(5264, 6300, -3600))}
    old, new = sampled(4200, 4550, 0, came_s=4900.4), sampled(4550, 4900, -3600, came_s=4900.4)
    last = sampled(4900, 5250, -3600, came_s=5264.4)
    assert eras(known, [*old, *new, *last], 1) == [1] * len(old) + [2] * (len(new) + len(last))


def test_a_kept_record_that_lies_on_the_new_level_by_chance_is_of_the_era_before() -> None:
    """It waits as the others do, though it would be the first one of that era."""
    old, new = sampled(700, 1050, 0, came_s=1400.4), sampled(1050, 1400, -400, came_s=1400.4)
    known = {1: known_of(sampled(0, 700, 0)), 2: known_of(sampled(1400, 2100, -400))}
    by_chance = [point for point in old if abs(point.delay_ns - 400_400_000_000) < 5_000_000_000]
    assert len(by_chance) == 1
    assert assign(known, by_chance, newest=2, due=(), spans_ns=[7_000_000_000]).eras == (None,)
    assert eras(known, [*old, *new], 1) == [1] * len(old) + [2] * len(new)
