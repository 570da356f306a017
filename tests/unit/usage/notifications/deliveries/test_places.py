"""Places of deliveries: organisations take turns, and dead receivers of some take no place of the others."""

from collections import Counter
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from services.usage.notifications.channels.channel_store import CHANNELS_MAX
from services.usage.notifications.deliveries.places import (
    AT_ONCE_OF_CHANNEL,
    QUICK_MAX,
    SLOW_MAX,
    SLOW_SECONDS,
    Place,
    Places,
    Waiting,
)

AT_ONCE_MAX = QUICK_MAX + SLOW_MAX


def waiting(organisation_id: str, channels: int, each: int = AT_ONCE_OF_CHANNEL) -> list[Waiting]:
    return [
        Waiting(
            channel_id=f"{organisation_id}.{channel}",
            organisation_id=organisation_id,
            ids=tuple(f"{organisation_id}.{channel}.{number}" for number in range(each)),
        )
        for channel in range(channels)
    ]


def sent(places: Places, asked: Iterable[Waiting]) -> list[Place]:
    """What began to be sent."""
    return [places.take(one.rpartition(".")[0], one.partition(".")[0]) for one in places.choose(asked)]


def shares(sent: Iterable[Place]) -> Counter[str]:
    return Counter(place.organisation_id for place in sent)


def test_of_two_deliveries_to_each_channel_the_first_ones_go_first() -> None:
    places = Places()
    assert [one[-1] for one in places.choose(waiting("org", 3))] == ["0", "0", "0", "1", "1", "1"]
    sent(places, waiting("org", 2, 1))
    assert [one[4:] for one in places.choose(waiting("org", 3))] == ["2.0", "0.0", "1.0", "2.1"]


def test_all_dead_receivers_of_one_organisation_leave_most_places_to_another() -> None:
    places = Places()
    assert len(sent(places, waiting("dead", CHANNELS_MAX))) <= QUICK_MAX / 5
    assert len(sent(places, waiting("alive", 10, 1))) == 10


def test_however_many_have_dead_receivers_the_places_of_quick_ones_are_free_once_that_is_known() -> None:
    places = Places()
    dead = [one for number in range(100) for one in waiting(f"dead{number}", CHANNELS_MAX)]
    tried = Counter[str]()
    began = sent(places, dead)
    for _ in range(100):
        for place in began:
            places.give_back(place, 15)
            tried[place.organisation_id] += 1
        began = sent(places, dead)
    assert all(place.is_slow for place in began)
    assert len(tried) == 100, "they are tried all the same, in turn"
    assert shares(sent(places, waiting("alive", CHANNELS_MAX, 1))) == {"alive": CHANNELS_MAX}


def test_those_that_wait_together_get_the_same() -> None:
    got = shares(sent(Places(), [one for number in range(20) for one in waiting(f"org{number}", CHANNELS_MAX)]))
    assert len(got) == 20
    assert max(got.values()) - min(got.values()) <= 1


def test_a_receiver_that_is_quick_again_is_a_quick_one() -> None:
    places = Places()
    for took_seconds, is_slow in ((SLOW_SECONDS, False), (0, True), (0, False)):
        (place,) = sent(places, waiting("org", 1, 1))
        assert place.is_slow == is_slow
        places.give_back(place, took_seconds)


def test_where_places_are_scarce_turns_go_round() -> None:
    places, all_ = Places(), [one for number in range(SLOW_MAX * 3) for one in waiting(f"org{number}", 1, 1)]
    for place in [places.take(one.channel_id, one.organisation_id) for one in all_]:
        places.give_back(place, 15)
    turns = Counter[str]()
    for _ in range(6):
        began = sent(places, all_)
        turns += shares(began)
        assert places.are_scarce(began[0])
        for place in began:
            places.give_back(place, 15)
    assert set(turns.values()) == {2}


steps = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, CHANNELS_MAX), st.sampled_from([None, 0, 15])), max_size=120
)


@given(steps)
def test_whatever_comes_and_ends_bounds_hold_and_who_sends_nothing_is_not_passed_over(
    schedule: list[tuple[int, int, float | None]],
) -> None:
    places, sending = Places(), list[Place]()
    for number, channels, ended_after in schedule:
        if ended_after is not None and sending:
            places.give_back(sending.pop(number % len(sending)), ended_after)
            continue
        name = f"org{number}"
        began = sent(places, waiting(name, channels))
        assert began or shares(sending)[name] or sum(not one.is_slow for one in sending) == QUICK_MAX or _slow(sending)
        sending += began
        assert len(sending) <= AT_ONCE_MAX
        assert _slow_count(sending) <= SLOW_MAX
        assert max(Counter(place.channel_id for place in sending).values(), default=0) <= AT_ONCE_OF_CHANNEL


def _slow(sending: list[Place]) -> bool:
    return _slow_count(sending) == SLOW_MAX


def _slow_count(sending: list[Place]) -> int:
    return sum(place.is_slow for place in sending)
