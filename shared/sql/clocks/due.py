"""What waits until a moment by the wall clock, which may be set back meanwhile: it would wait for as much longer.

So it is due, too, where its moment is further ahead than anything waits: a clock that was wrong wrote it down.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_

from shared.runtime.clock_doubt import TOLERANCE_SECONDS
from shared.values.timestamps import to_microseconds

# Clocks of two machines may differ by as much before either is in doubt: neither takes the other's claims for wrong.
_TOLERANCE = timedelta(seconds=TOLERANCE_SECONDS)


Written = Callable[[datetime], int | str]


def is_due(
    until: ColumnElement[Any], now: datetime, longest: timedelta, written: Written = to_microseconds
) -> ColumnElement[bool]:
    """`longest`: nothing in the column waits for longer. `written`: how it is stored; texts must sort as times do."""
    return or_(until <= written(now), is_beyond(until, now, longest, written))


def is_beyond(
    until: ColumnElement[Any], now: datetime, longest: timedelta, written: Written = to_microseconds
) -> ColumnElement[bool]:
    """Further ahead than anything in the column waits for."""
    return until > written(beyond(now, longest))


def beyond(now: datetime, longest: timedelta) -> datetime:
    """For a statement that is made once: `is_beyond` is after this moment."""
    return now + longest + _TOLERANCE
