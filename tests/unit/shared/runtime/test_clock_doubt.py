"""The wall clock is in doubt when it disagrees with the boot clock, or with when it was last written down."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.runtime.clock_doubt import (
    BOOTS_MAX,
    SETTLED_SECONDS,
    SLEW,
    TOLERANCE_SECONDS,
    Reading,
    Watched,
    watch,
)

NOON = 1_795_608_000.0
DAY = 86_400.0
minutes = st.integers(1, 10).map(lambda count: 60.0 * count)


def at(passed: float, *, wrong_by: float = 0.0, boot: str = "boot_1") -> Reading:
    """So many seconds after noon, on a machine whose wall clock is wrong by so many."""
    return Reading(boot=boot, wall=NOON + passed + wrong_by, elapsed=1000.0 + passed)


def after(*readings: Reading) -> Watched:
    watched: Watched | None = None
    for reading in readings:
        watched = watch(watched, reading)
    assert watched is not None
    return watched


@given(st.lists(minutes, max_size=30), st.lists(st.floats(-TOLERANCE_SECONDS / 2, TOLERANCE_SECONDS / 2), min_size=30))
def test_a_clock_that_is_corrected_by_less_than_an_hour_is_never_in_doubt(
    steps: list[float], corrections: list[float]
) -> None:
    passed, readings = 0.0, [at(0)]
    for step, correction in zip(steps, corrections, strict=False):
        passed += step
        readings.append(at(passed, wrong_by=correction))
    assert after(*readings).doubted is None


@given(st.floats(TOLERANCE_SECONDS + 1, 100 * DAY), st.sampled_from([-1, 1]), st.integers(1, 20))
def test_a_clock_that_is_set_is_in_doubt_until_it_is_set_back(by: float, way: int, count: int) -> None:
    wrong = [at(60.0 * number, wrong_by=way * by) for number in range(1, count + 1)]
    doubted = after(at(0), *wrong)
    assert doubted.doubted is not None
    assert (doubted.doubted.last, doubted.trusted.last) == (wrong[-1], at(0))
    right = at(60.0 * count + 60)
    assert watch(doubted, right) == after(at(0), right)


@given(st.lists(st.floats(60.0, TOLERANCE_SECONDS - 60), min_size=2), st.sampled_from([-1, 1]))
def test_steps_of_less_than_an_hour_add_up(steps: list[float], way: int) -> None:
    readings, wrong_by = [at(0)], 0.0
    for number, step in enumerate(steps, 1):
        wrong_by += step
        readings.append(at(60.0 * number, wrong_by=way * wrong_by))
        is_settled = wrong_by <= TOLERANCE_SECONDS + SLEW * 60 * number
        assert (after(*readings).doubted is None) == is_settled


def test_what_ntp_corrects_in_years_of_one_boot_is_no_step() -> None:
    assert after(*(at(day * DAY, wrong_by=day * DAY * SLEW) for day in range(2000))).doubted is None


def test_after_a_boot_the_clock_may_be_neither_before_the_last_reading_nor_an_hour_after_it() -> None:
    before = after(at(0))
    for wrong_by, is_in_doubt in (
        (0, False),
        (3599, False),
        (3601, True),
        (100 * DAY, True),
        (-61, True),
        (-59, False),
    ):
        reading = Reading(boot="boot_2", wall=NOON + wrong_by, elapsed=5.0)
        assert (watch(before, reading).doubted is not None) == is_in_doubt, wrong_by


def test_a_clock_is_contradicted_by_its_boot_or_by_what_it_said_and_not_by_a_long_stop() -> None:
    assert after(at(0), at(60, wrong_by=100 * DAY)).is_contradicted
    assert after(at(0), at(60, wrong_by=-2 * TOLERANCE_SECONDS)).is_contradicted
    assert after(at(0), at(60, wrong_by=-100 * DAY, boot="boot_2")).is_contradicted
    off_for_long = at(60, wrong_by=100 * DAY, boot="boot_2"), at(120, wrong_by=100 * DAY, boot="boot_2")
    assert after(at(0), *off_for_long).doubted is not None
    assert not after(at(0), *off_for_long).is_contradicted
    assert not after(at(0), at(60)).is_contradicted


def test_a_stop_of_the_process_within_a_boot_is_no_doubt_however_long() -> None:
    assert after(at(0), at(30 * DAY)).doubted is None


def test_a_day_of_running_in_agreement_ends_the_doubt_and_time_that_nothing_ran_is_not_of_it() -> None:
    off_for_long = [at(60.0 * number, wrong_by=100 * DAY, boot="boot_2") for number in range(int(SETTLED_SECONDS / 60))]
    almost = after(at(0), *off_for_long)
    assert almost.doubted is not None
    stopped = after(at(0), *off_for_long[:-10], at(2 * DAY, wrong_by=100 * DAY, boot="boot_2"))
    assert stopped.doubted is not None
    settled = watch(almost, at(SETTLED_SECONDS, wrong_by=100 * DAY, boot="boot_2"))
    assert settled.doubted is None


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.sampled_from(["boot_a", "boot_b", "boot_c"]), st.floats(20, 60)), min_size=1, max_size=9),
    st.sampled_from([7200.0, 100 * DAY]),
    st.tuples(*[st.floats(-25, 25)] * 3),
)
def test_machines_that_take_turns_settle_a_doubt_in_a_day_between_them(
    turns: list[tuple[str, float]], wrong_by: float, ahead: tuple[float, ...]
) -> None:
    """They are right, and were all off; each is ahead of the others by some seconds."""
    watched = after(at(0, boot="boot_before"))
    passed, settled_at, first = 0.0, None, None
    while settled_at is None and passed < 2 * SETTLED_SECONDS:
        for boot, pause in turns:
            passed += pause
            first = first or passed
            mine = ahead[("boot_a", "boot_b", "boot_c").index(boot)]
            watched = watch(watched, at(passed, wrong_by=wrong_by + mine, boot=boot))
            if watched.doubted is None:
                settled_at = settled_at or passed
    assert first is not None
    assert settled_at is not None
    assert abs(settled_at - first - SETTLED_SECONDS) < 200


def test_of_two_machines_the_one_whose_clock_is_set_is_in_doubt_and_the_other_not() -> None:
    watched = after(at(0, boot="boot_0"), at(30, boot="boot_1"))
    for number in range(1, 100):
        for boot, wrong_by in (("boot_0", 0.0), ("boot_1", 3000.0 * number)):
            watched = watch(watched, at(60.0 * number, wrong_by=wrong_by, boot=boot))
            assert (watched.doubted is not None) == (wrong_by > TOLERANCE_SECONDS)


def test_of_so_many_boots_the_first_reading_is_known() -> None:
    watched = after(*(at(30.0 * number, boot=f"boot_{number}") for number in range(100)))
    assert [one.boot for one in watched.trusted.firsts] == [f"boot_{number}" for number in range(100 - BOOTS_MAX, 100)]


def test_a_machine_with_a_wrong_clock_settles_nothing_while_another_agrees_with_the_past() -> None:
    watched = after(at(0))
    for number in range(1, int(SETTLED_SECONDS / 30) + 10):
        wrong = number % 2
        reading = at(30.0 * number, wrong_by=3 * DAY * wrong, boot=f"boot_{wrong}")
        watched = watch(watched, reading)
        assert (watched.doubted is not None) == bool(wrong)
