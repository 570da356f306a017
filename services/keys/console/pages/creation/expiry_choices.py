"""Choices of an expiry, in days: as the organisation's lifetimes have it, the first offered one chosen. Pure."""

import re
from collections.abc import Collection
from datetime import datetime, timedelta

from services.keys.lifecycle.lifetimes import Lifetimes, latest_expiry

USUAL = (30, 90, 365)
_FIRST = 90
_DAYS = re.compile(r"[0-9]{1,5}", re.ASCII)


def choices(lifetimes: Lifetimes, also: Collection[str] = (), lived: timedelta = timedelta(0)) -> tuple[str, ...]:
    """Days from now, the fewest first. `also`: what was chosen before. `lived`: how old the key is already."""
    most = _most(lifetimes, lived)
    days = {*USUAL, *filter(None, (lifetimes.default_days,))} | ({most} if most else set())
    within = {day for day in days if most is None or day <= most}
    return tuple(map(str, sorted(within | set(map(int, filter(_DAYS.fullmatch, also))))))


def first(lifetimes: Lifetimes) -> str:
    """The one that is chosen at first."""
    return str(lifetimes.default_days or min(filter(None, (_FIRST, lifetimes.max_days))))


def latest(created_at: datetime, lifetimes: Lifetimes) -> datetime | None:
    """When a key of that age may expire at the latest; None: never is allowed."""
    return latest_expiry(created_at, lifetimes)


def _most(lifetimes: Lifetimes, lived: timedelta) -> int | None:
    return None if lifetimes.max_days is None else max((timedelta(days=lifetimes.max_days) - lived).days, 0)
