"""What begins an era of a device's clock, and what does not."""

from services.sensors.timing.eras import assign, of_one_level
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


def test_late_messages_begin_no_era_though_few_come_right_between_others_of_their_level() -> None:
    """Of a shuffled life: an outage is in their middle, and the first and the last came outside what is known."""
    known = pieces_of(
        (at(n, n + 0.4).device_ns, at(n, n + 0.4).cloud_ns, 32) for n in [*range(7, 35, 4), *range(72, 124, 4)]
    )
    late = [at(0.0, 6.4), at(2.0, 12.4), at(15.3, 25.3), at(64.4, 72.37), at(63.4, 72.37), at(118.5, 125.5)]
    assert assign({1: known}, late, newest=1, due=()).eras == (None,) * 6


def test_an_era_goes_on_though_the_message_sampled_first_was_the_latest_of_those_that_began_it() -> None:
    """As if they were a burst's: then the next ones began another era."""
    delays = {0: 5.0, 1: 0.5, 2: 1.1, 4: 0.6, 5: 3.8, 6: 2.7, 7: 0.4}
    step = [at(7200.0 + second, 100.0 + second + late) for second, late in delays.items()]
    assert assign({1: steady(40)}, step, newest=1, due=()).eras == (2,) * 7
    after = [at(7200.0 + second, 100.0 + second + late) for second, late in {8: 1.2, 9: 0.5, 10: 4.1, 11: 0.8}.items()]
    known = {1: steady(40), 2: pieces_of((point.device_ns, point.cloud_ns, 32) for point in step)}
    assert assign(known, after, newest=2, due=()).eras == (2,) * 4


def test_what_would_pass_for_a_burst_begins_no_era_yet() -> None:
    """Both clocks go on, but those that were not late do not show it."""
    delays = {0: 4.0, 1: 4.5, 2: 5.0, 4: 0.6}
    step = [at(7200.0 + second, 100.0 + second + late) for second, late in delays.items()]
    assert assign({1: steady(40)}, step, newest=1, due=()).eras == (None,) * 4


def test_a_message_too_late_for_two_eras_of_one_setting_is_of_the_one_that_has_samples_of_its_time() -> None:
    """Late messages may have begun the one by chance; by its level nothing tells the two apart."""
    known = {1: steady(40), 2: steady(40, late_s=0.45)}
    late = [at(20, 26)]
    assigned = assign(known, late, newest=2, due=[0])
    assert assigned.eras == (2,)
    assert of_one_level(known, late, assigned, {0: [1]}) == {0: 1}


def test_a_burst_that_is_the_last_to_come_is_of_the_clock_that_went_on_before_it() -> None:
    """Its last messages are little late, and far from those that came at once."""
    set_back = [at(second - 3600, second + 0.4) for second in range(100, 164)]
    known = {1: steady(40), 2: pieces_of((point.device_ns, point.cloud_ns, 32) for point in set_back)}
    burst = [at(second - 3600, 318.0) for second in range(164, 300)]
    assert assign(known, burst, newest=2, due=range(136)).eras == (2,) * 136


def test_a_burst_is_of_the_clock_that_went_on_before_it_though_another_outage_followed_it() -> None:
    """Its last message is ten seconds late and far from all that came at once, but for some of the era before."""
    set_back = [at(second - 3600, second + 0.4) for second in (*range(3600, 3900, 10), *range(5000, 5300, 10))]
    known = {1: steady(3600), 2: pieces_of((point.device_ns, point.cloud_ns, 320) for point in set_back)}
    burst = [at(second - 3600, 4310.4) for second in range(3900, 4310, 10)]
    assert assign(known, burst, newest=2, due=range(41)).eras == (2,) * 41


def test_a_burst_is_of_the_clock_set_back_within_its_outage_though_one_message_came_before_a_piece_ended() -> None:
    """A single message makes no active piece, and the least of the next one came more than a minute later."""
    delays = {second: 0.9 - 0.001 * (second - 4175) for second in range(4175, 4800, 7)}
    set_back = [at(second - 3600, second + late) for second, late in delays.items()]
    known = {1: steady(3600), 2: pieces_of((point.device_ns, point.cloud_ns, 224) for point in set_back)}
    burst = [at(second - 3600, 4175.9) for second in range(3615, 4175, 7)]
    assert assign(known, burst, newest=2, due=range(80)).eras == (2,) * 80


def test_a_burst_with_two_settings_of_the_clock_is_of_both_eras_though_messages_of_the_other_came_just_before() -> None:
    set_on = [at(second + 3600, second + 0.4) for second in range(2000, 2300)]
    known = {1: steady(1200), 2: pieces_of((point.device_ns, point.cloud_ns, 32) for point in set_on)}
    burst = [at(second + (3600 if second >= 1700 else 0), 2003.4) for second in range(1200, 2000)]
    assert assign(known, burst, newest=2, due=range(800)).eras == (1,) * 500 + (2,) * 300


def test_four_messages_begin_an_era_where_both_clocks_go_on() -> None:
    step = [at(-3600 + second, second + 0.4) for second in range(100, 104)]
    assert assign({1: steady(40)}, step, newest=1, due=()).eras == (2,) * 4
    assert assign({1: steady(40)}, step[:3], newest=1, due=()).eras == (None,) * 3
