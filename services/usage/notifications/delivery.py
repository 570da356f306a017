"""Delivery: one message to one channel, retried with backoff. pending → sending → delivered | failed. Pure.

Held: its channel is disabled; a replay makes it pending.

At least once: if a process dies while sending, the message is sent again under the same id.
"""

import enum
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

ATTEMPT_SECONDS_MAX = 15.0
SENDING_SECONDS_MAX = 45.0  # the lease: then its sender is taken for dead
RETRY_AFTER_SECONDS_MAX = 24 * 3600
# Backoff before the second attempt, the third …: 14 attempts within three days.
DELAYS_SECONDS = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 50_400, 50_400, 50_400)
JITTER = 0.1
WAIT_MAX = timedelta(seconds=max(RETRY_AFTER_SECONDS_MAX, *DELAYS_SECONDS))
GONE = 410


class Status(enum.StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    HELD = "held"


UNFINISHED = (Status.PENDING, Status.SENDING, Status.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Result of one attempt. `status`: the receiver's HTTP or SMTP status, if it answered.

    `fault`: why there was no answer, or why it is no receipt. `retry_after_seconds`: what the receiver asked for.
    `is_final`: no later attempt can succeed. `is_held`: not tried, for the channel is disabled.
    """

    delivered: bool
    status: int | None = None
    fault: str | None = None
    retry_after_seconds: float | None = None
    is_final: bool = False
    is_held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What becomes of the delivery. `due_at` None: no more attempts by itself.

    `disables`: the channel, for its receiver left.
    """

    status: Status
    due_at: datetime | None = None
    disables: bool = False


def after(attempts: int, outcome: Outcome, now: datetime, jitter: float) -> Next:
    """Retry policy: what follows the outcome of an attempt. `attempts` includes that one; `jitter` is from -1 to 1."""
    if outcome.delivered:
        return Next(status=Status.DELIVERED)
    if outcome.status == GONE:
        return Next(status=Status.HELD, disables=True)
    if outcome.is_held:
        return Next(status=Status.HELD)
    if outcome.is_final or attempts > len(DELAYS_SECONDS):
        return Next(status=Status.FAILED)
    wait_seconds = DELAYS_SECONDS[attempts - 1] * (1 + JITTER * jitter)
    if outcome.retry_after_seconds is not None:
        wait_seconds = max(wait_seconds, min(outcome.retry_after_seconds, RETRY_AFTER_SECONDS_MAX))
    return Next(status=Status.PENDING, due_at=now + timedelta(seconds=wait_seconds))


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Seconds of a Retry-After header (RFC 9110, section 10.2.3), a number or a date. None: absent or malformed."""
    text = (value or "").strip()
    if text.isascii() and text.isdecimal() and len(text) <= 10:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
