"""A delivery: one message on its way to one channel. pending → sending → delivered | failed. Pure.

At least once: who dies while sending leaves it to be sent again, under the same message id.
"""

import enum
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

ATTEMPT_SECONDS_MAX = 15.0
SENDING_SECONDS_MAX = 45.0  # then its sender is taken for dead
RETRY_AFTER_SECONDS_MAX = 24 * 3600
# Before the second attempt, the third …: 14 attempts within three days.
DELAYS_SECONDS = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 50_400, 50_400, 50_400)
JITTER = 0.1
GONE = 410


class Status(enum.StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one attempt. `status`: what the receiver answered.

    `fault`: why it answered nothing, or why what it answered is no receipt. `retry_after_seconds`: what it asked for.
    `is_final`: no later attempt can end in another way.
    """

    delivered: bool
    status: int | None = None
    fault: str | None = None
    retry_after_seconds: float | None = None
    is_final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What becomes of it. `due_at` None: nothing more. `disables`: nobody is there any more, by their own word."""

    status: Status
    due_at: datetime | None = None
    disables: bool = False


def after(attempts: int, outcome: Outcome, now: datetime, jitter: float) -> Next:
    """`attempts`: with the one that `outcome` is of. `jitter`: from -1 to 1."""
    if outcome.delivered:
        return Next(status=Status.DELIVERED)
    if outcome.status == GONE:
        return Next(status=Status.FAILED, disables=True)
    if outcome.is_final or attempts > len(DELAYS_SECONDS):
        return Next(status=Status.FAILED)
    wait_seconds = DELAYS_SECONDS[attempts - 1] * (1 + JITTER * jitter)
    if outcome.retry_after_seconds is not None:
        wait_seconds = max(wait_seconds, min(outcome.retry_after_seconds, RETRY_AFTER_SECONDS_MAX))
    return Next(status=Status.PENDING, due_at=now + timedelta(seconds=wait_seconds))


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Of a Retry-After header (RFC 9110, section 10.2.3): seconds, or a date. None: none that can be read."""
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
