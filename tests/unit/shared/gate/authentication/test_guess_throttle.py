"""Guesses slow their own address down, exactly past the limit, in bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from shared.gate.authentication.credential import Guess
from shared.gate.authentication.guess_throttle import WINDOW_SECONDS, GuessThrottle

LIMIT = 3
# (seconds since the guess before, which address), in quarters so that sums are exact.
guesses = st.lists(st.tuples(st.integers(0, 100).map(lambda n: n / 4), st.integers(0, 8)), max_size=120)


def ask(guessing: GuessThrottle, address: int | str, elapsed: float) -> int:
    return guessing.slow(f"192.0.2.{address}" if isinstance(address, int) else address, Guess.UNKNOWN, elapsed)


@given(guesses)
def test_an_address_is_slowed_just_when_the_limit_was_answered_within_the_minute(
    sent: list[tuple[float, int]],
) -> None:
    guessing, elapsed = GuessThrottle(LIMIT), 0.0
    answered: dict[int, list[float]] = {}
    for seconds, address in sent:
        elapsed += seconds
        own = [at for at in answered.setdefault(address, []) if at > elapsed - WINDOW_SECONDS]
        wait = ask(guessing, address, elapsed)
        assert (wait > 0) == (len(own) >= LIMIT)
        if wait:
            assert wait - 1 < own[-LIMIT] + WINDOW_SECONDS - elapsed <= wait
        else:
            answered[address].append(elapsed)


@given(guesses)
def test_however_many_there_are_memory_is_bounded_and_nobody_is_slowed_below_the_limit(
    sent: list[tuple[float, int]],
) -> None:
    guessing, elapsed = GuessThrottle(LIMIT, addresses_max=2), 0.0
    all_of: dict[int, list[float]] = {}
    for seconds, address in sent:
        elapsed += seconds
        earlier = [at for at in all_of.setdefault(address, []) if at > elapsed - WINDOW_SECONDS]
        assert not (ask(guessing, address, elapsed) and len(earlier) < LIMIT)
        all_of[address].append(elapsed)
        assert len(guessing) <= 2
        assert sum(map(len, guessing._by_guesses)) == len(guessing)
        assert len(guessing._slowed) <= 2


@given(st.integers(1, LIMIT), st.lists(st.integers(0, 200), max_size=200))
def test_a_hot_address_is_not_pushed_out_by_others_that_are_less_so(hot: int, others: list[int]) -> None:
    guessing, sent = GuessThrottle(LIMIT, addresses_max=4), dict.fromkeys(range(201), 0)
    for _ in range(hot):
        ask(guessing, "2001:db8::1", 0)
    for other in others:
        if sent[other] < hot - 1:
            sent[other] += 1
            ask(guessing, other, 1)
    assert [ask(guessing, "2001:db8::1", 2) > 0 for _ in range(LIMIT - hot + 1)] == [False] * (LIMIT - hot) + [True]


def test_an_ipv6_caller_is_its_64_and_a_mapped_one_its_ipv4_address() -> None:
    guessing = GuessThrottle(1)
    assert not ask(guessing, "2001:db8::1", 0)
    assert ask(guessing, "2001:db8::ffff:2", 0)
    assert not ask(guessing, "2001:db8:0:1::1", 0)
    assert not ask(guessing, "::ffff:192.0.2.7", 0)
    assert ask(guessing, 7, 0)


def test_a_slowed_address_is_told_of_once_with_all_its_guesses_and_again_only_if_it_goes_on() -> None:
    guessing = GuessThrottle(LIMIT)
    assert guessing.take_slowed() == ()
    for elapsed in range(5):
        ask(guessing, 7, elapsed)
    ask(guessing, 8, 0)
    (told,) = guessing.take_slowed()
    assert (told.address, told.count, told.first, told.last) == ("192.0.2.7", 5, 0, 4)
    assert told.kinds == {Guess.UNKNOWN}
    assert guessing.take_slowed() == ()
    ask(guessing, 7, 5)
    assert [again.count for again in guessing.take_slowed()] == [1]
