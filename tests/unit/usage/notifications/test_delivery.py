"""What becomes of a delivery after an attempt: received, tried again ever more patiently for three days, or failed."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.usage.notifications.delivery import (
    DELAYS_SECONDS,
    JITTER,
    RETRY_AFTER_SECONDS_MAX,
    Next,
    Outcome,
    Status,
    after,
    retry_after_seconds,
)
from tests.examples import NOON

FAULT = Outcome(delivered=False, fault="no answer")
jitters = st.floats(-1, 1)


def waits(attempts: int, outcome: Outcome, jitter: float = 0) -> float:
    """Seconds until the next attempt."""
    then = after(attempts, outcome, NOON, jitter)
    assert then.status is Status.PENDING
    assert then.due_at is not None
    return (then.due_at - NOON).total_seconds()


@given(attempts=st.integers(1, 100), jitter=jitters)
def test_a_receipt_ends_it(attempts: int, jitter: float) -> None:
    assert after(attempts, Outcome(delivered=True, status=200), NOON, jitter) == Next(status=Status.DELIVERED)


@given(jitters)
def test_it_is_tried_for_three_days_ever_more_patiently_and_then_given_up(jitter: float) -> None:
    delays = [waits(attempt, FAULT, jitter) for attempt in range(1, len(DELAYS_SECONDS) + 1)]
    assert delays == sorted(delays)
    assert delays[0] < 10
    assert timedelta(days=2.5) < timedelta(seconds=sum(delays)) < timedelta(days=3.5)
    assert after(len(DELAYS_SECONDS) + 1, FAULT, NOON, jitter) == Next(status=Status.FAILED)


@given(attempts=st.integers(1, len(DELAYS_SECONDS)), jitter=jitters)
def test_not_all_come_back_at_once(attempts: int, jitter: float) -> None:
    delay = DELAYS_SECONDS[attempts - 1]
    assert delay * (1 - JITTER) <= waits(attempts, FAULT, jitter) <= delay * (1 + JITTER)


def test_a_receiver_s_own_wish_is_heeded_when_it_is_longer_and_within_reason() -> None:
    assert waits(1, Outcome(delivered=False, status=429, retry_after_seconds=60)) == 60
    assert waits(4, Outcome(delivered=False, status=429, retry_after_seconds=1)) == DELAYS_SECONDS[3]
    assert waits(1, Outcome(delivered=False, status=503, retry_after_seconds=1e9)) == RETRY_AFTER_SECONDS_MAX


def test_410_disables_the_channel_and_is_held_and_what_no_later_attempt_can_change_fails() -> None:
    gone = after(1, Outcome(delivered=False, status=410), NOON, 0)
    assert gone == Next(status=Status.HELD, disables=True)
    assert after(1, Outcome(delivered=False, is_held=True), NOON, 0) == Next(status=Status.HELD)
    assert after(1, Outcome(delivered=False, is_final=True), NOON, 0) == Next(status=Status.FAILED)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0),
        ("Mon, 23 Nov 2026 12:00:30 -0000", 30),
        ("", None),
        (None, None),
        ("-1", None),
        ("1.5", None),
        ("١٢", None),
        ("9" * 5000, None),
        ("soon", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOON) == seconds


@given(st.text())
def test_whatever_a_receiver_writes_there_is_read_without_harm(value: str) -> None:
    found = retry_after_seconds(value, NOON)
    assert found is None or found >= 0
