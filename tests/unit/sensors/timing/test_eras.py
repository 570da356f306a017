"""What begins an era of a device's clock, and what does not."""

from services.sensors.timing.eras import assign
from services.sensors.timing.hull import Piece, Point, pieces_of

BEGIN_S = 64.0 * 26_562_500


def at(device_s: float, cloud_s: float) -> Point:
    device_ns = round((BEGIN_S + device_s) * 1e9)
    return Point(device_ns, round((BEGIN_S + cloud_s) * 1e9) - device_ns)


def steady(stop: int, late_s: float = 0.4) -> dict[int, Piece]:
    """One message a second."""
    points = [at(second, second + late_s) for second in range(stop)]
    return pieces_of((point.device_ns, point.cloud_ns, 32) for point in points)


def test_a_burst_begins_no_era_with_late_messages_before_it() -> None:
    """Of a batch that ends within the burst: between their times nothing came, as if the old level had ended."""
    late = [at(35.8, 44.2), at(36.8, 42.5)]
    burst = [at(second, 67.5) for second in range(50, 60)]
    assert assign({1: steady(40)}, [*late, *burst], newest=1, due=()).eras == (None,) * 12


def test_late_messages_begin_no_era_while_their_level_is_active_though_nothing_comes_in_their_middle() -> None:
    known = steady(40) | pieces_of((at(n, n + 0.4).device_ns, at(n, n + 0.4).cloud_ns, 32) for n in range(72, 110))
    late = [at(second, second + 6.5) for second in (23, 28, 35, 82, 93, 103)]
    assert assign({1: known}, late, newest=1, due=()).eras == (None,) * 6


def test_late_messages_begin_no_era_though_most_come_after_all_that_is_known_of_their_level() -> None:
    late = [at(second, second + 6.5) for second in (13, 24, 35, 36, 38)]
    assert assign({1: steady(40)}, late, newest=1, due=()).eras == (None,) * 5


def test_a_burst_that_is_the_last_to_come_is_of_the_clock_that_went_on_before_it() -> None:
    """Its last messages are little late, and far from those that came at once."""
    set_back = [at(second - 3600, second + 0.4) for second in range(100, 164)]
    known = {1: steady(40), 2: pieces_of((point.device_ns, point.cloud_ns, 32) for point in set_back)}
    burst = [at(second - 3600, 318.0) for second in range(164, 300)]
    assert assign(known, burst, newest=2, due=range(136)).eras == (2,) * 136


def test_four_messages_begin_an_era_where_both_clocks_go_on() -> None:
    step = [at(-3600 + second, second + 0.4) for second in range(100, 104)]
    assert assign({1: steady(40)}, step, newest=1, due=()).eras == (2,) * 4
    assert assign({1: steady(40)}, step[:3], newest=1, due=()).eras == (None,) * 3
