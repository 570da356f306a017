"""Epochs: a later statement holds for its time, fact by fact, and the order of statements about others is no matter."""

from functools import reduce
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.sensors.registry.epoch import (
    EVER_NS,
    FOREVER_NS,
    Epoch,
    Epochs,
    Facts,
    Place,
    edges_within,
    facts_at,
    latest,
    overlaid,
)

OAXACA = Place(latitude=17.07, longitude=-96.72, elevation_m=1555.0)
COAST = Place(latitude=16.0, longitude=-97.0)


def epoch(from_ns: int, to_ns: int, **facts: object) -> Epoch:
    return Epoch(from_ns=from_ns, to_ns=to_ns, facts=Facts(**facts))  # type: ignore[arg-type]  # of any kind


def of(*statements: Epoch) -> Epochs:
    return reduce(overlaid, statements, ())


def test_a_sensor_that_was_moved_is_where_it_was_then() -> None:
    epochs = of(epoch(EVER_NS, FOREVER_NS, place=OAXACA), epoch(100, FOREVER_NS, place=COAST))
    assert [facts_at(epochs, at).place for at in (-5, 99, 100, 10**18)] == [OAXACA, OAXACA, COAST, COAST]
    assert latest(epochs).place == COAST
    assert edges_within(epochs, 0, 1000) == [100]


def test_a_corrected_past_leaves_what_it_does_not_name_and_what_is_around_it() -> None:
    epochs = of(epoch(0, 100, channel_code="BNZ", location_code="00"), epoch(40, 60, channel_code="HNZ"))
    assert epochs == (
        epoch(0, 40, channel_code="BNZ", location_code="00"),
        epoch(40, 60, channel_code="HNZ", location_code="00"),
        epoch(60, 100, channel_code="BNZ", location_code="00"),
    )
    assert facts_at(epochs, 100) == Facts(), "nothing is said of the time after"


def test_a_place_is_stated_as_a_whole() -> None:
    epochs = of(epoch(0, 10, place=OAXACA), epoch(0, 10, place=COAST))
    assert epochs == (epoch(0, 10, place=COAST),), "no elevation of another place"


def test_what_is_said_again_changes_nothing() -> None:
    epochs = of(epoch(0, 100, place=OAXACA), epoch(100, 200, place=COAST))
    assert overlaid(epochs, epoch(20, 70, place=OAXACA)) == epochs


moments = st.integers(0, 12)
statements = st.builds(
    lambda a, b, facts: Epoch(from_ns=min(a, b), to_ns=max(a, b) + 1, facts=facts),
    moments,
    moments,
    st.builds(Facts, channel_code=st.sampled_from([None, "BNZ", "BN1"]), sample_rate_hz=st.sampled_from([None, 31.25])),
)


@given(st.lists(statements, max_size=6))
def test_at_each_moment_the_last_that_names_a_fact_holds(told: list[Epoch]) -> None:
    epochs = of(*told)
    for at in range(-1, 15):
        known = Facts()
        for one in told:
            if one.from_ns <= at < one.to_ns:
                known = one.facts.over(known)
        assert facts_at(epochs, at) == known
    starts = [one.from_ns for one in epochs]
    assert starts == sorted(set(starts))
    assert all(one.to_ns <= after.from_ns for one, after in pairwise(epochs))
