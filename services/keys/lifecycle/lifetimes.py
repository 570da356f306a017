"""Lifetimes: how long an organisation lets its keys live, counted from their creation. Pure.

Only what gives a key a longer life is judged: keys that live longer already stay, and may be shortened.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.keys.lifecycle.key import Key, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """`max_days`: the longest; `default_days`: of a key whose creation does not say when it expires. None: not set."""

    max_days: int | None = None
    default_days: int | None = None


UNLIMITED = Lifetimes()


class BeyondLifetime(Exception):
    """A key would live longer than its organisation allows. `latest`: when it may expire at the latest."""

    def __init__(self, max_days: int, latest: datetime) -> None:
        self.max_days, self.latest = max_days, latest
        super().__init__(f"the organisation's keys live at most {max_days} days")


class LifetimesChanged(Exception):
    """A creation was decided on other lifetimes than there are: to be decided again, on those that are `present`."""

    def __init__(self, present: Lifetimes) -> None:
        self.present = present
        super().__init__("the organisation's lifetimes have changed")


def expiry_of_new(lifetimes: Lifetimes, permissions: Collection[str], created_at: datetime) -> datetime | None:
    """When a key expires whose creation does not say it: by the default, or else by the maximum.

    Not an admin key, which with a maximum must say it: the last one would end, and nobody had decided that.
    """
    days = lifetimes.default_days or lifetimes.max_days
    if days is None or "admin" in permissions:
        return None
    return created_at + timedelta(days=days)


def check_lifetime(before: Key | None, after: Key, lifetimes: Lifetimes) -> None:
    """Checks a key that was made or changed. Raises BeyondLifetime."""
    latest = latest_expiry(after.created_at, lifetimes)
    if latest is None or lifetimes.max_days is None or not is_prolonged(before, after):
        return
    if after.access.expires_at is None or after.access.expires_at > latest:
        raise BeyondLifetime(lifetimes.max_days, latest)


def is_prolonged(before: Key | None, after: Key) -> bool:
    """Whether the key is new, or expires later than before."""
    if before is None:
        return True
    was, will_be = before.access.expires_at, after.access.expires_at
    return was is not None and (will_be is None or will_be > was)


def exceeded_days(
    status: Status, expires_at: datetime | None, created_at: datetime, lifetimes: Lifetimes
) -> int | None:
    """The maximum, if a key that has not ended will live longer; None: it will not."""
    latest = latest_expiry(created_at, lifetimes)
    if latest is None or status not in (Status.ACTIVE, Status.SUSPENDED):
        return None
    return lifetimes.max_days if expires_at is None or expires_at > latest else None


def latest_expiry(created_at: datetime, lifetimes: Lifetimes) -> datetime | None:
    return None if lifetimes.max_days is None else created_at + timedelta(days=lifetimes.max_days)
