"""What a key made or renewed, and those in turn: as reading the whole log in its order would tell it."""

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from services.keys.lifecycle.makings import Making, folded, reached_from


class Event(NamedTuple):
    """A creation or a renewal. Its place in the list is its position."""

    maker: str
    key: str
    is_renewal: bool


KEYS = "abcdef"
events = st.lists(st.builds(Event, st.sampled_from(KEYS), st.sampled_from(KEYS), st.booleans()), max_size=12).map(
    lambda found: [event for event in found if event.maker != event.key]
)


def makings(log: Sequence[Event]) -> list[Making]:
    known: dict[tuple[str, str, bool], Making] = {}
    for position, event in enumerate(log, 1):
        making = Making(
            maker_id=event.maker,
            key_id=event.key,
            is_renewal=event.is_renewal,
            first_position=position,
            position=position,
            at=f"{position:04}",
        )
        known[making.identity] = folded(known.get(making.identity), making)
    return list(known.values())


def in_order(roots: set[str], log: Sequence[Event]) -> dict[str, bool]:
    """Whoever is known to be in foreign hands passes that on with each event of theirs."""
    hands, found = set(roots), dict[str, bool]()
    for event in log:
        if event.maker in hands:
            hands.add(event.key)
            found[event.key] = found.get(event.key, False) or not event.is_renewal
    return {key: is_created for key, is_created in found.items() if key not in roots}


@given(st.sets(st.sampled_from(KEYS), min_size=1, max_size=2), events)
def test_it_is_what_the_log_tells_in_its_order(roots: set[str], log: list[Event]) -> None:
    once = list(dict.fromkeys(log))
    assert reached_from(roots, makings(once)) == in_order(roots, once)


@given(st.sets(st.sampled_from(KEYS), min_size=1, max_size=2), events)
def test_of_what_happened_several_times_it_lacks_nothing(roots: set[str], log: list[Event]) -> None:
    """Between the first and the latest renewal by a key each other renewal is taken for possible."""
    found, certain = reached_from(roots, makings(log)), in_order(roots, log)
    assert found.keys() >= certain.keys()
    assert all(found[key] for key, is_created in certain.items() if is_created)


def test_what_a_renewed_key_made_before_is_not_of_the_one_that_renewed_it() -> None:
    log = [Event("owner's", "kept", False), Event("stolen", "owner's", True), Event("owner's", "the thief's", False)]
    assert reached_from({"stolen"}, makings(log)) == {"owner's": False, "the thief's": True}
