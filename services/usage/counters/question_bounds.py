"""Bounds of a question of the statistics: so many rows and seconds, over all the parts that it is read in.

A wide question is read in parts, each a transaction of its own, so that no snapshot is held for all of it and,
embedded, others are served between two parts. A narrow one is one part, under the limits that all statements have.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from services.usage.counters.aggregation import DAY_MINUTES, HOUR_MINUTES
from shared.contracts.errors import InvalidArguments
from shared.sql.database import Database
from shared.sql.time_limits import TookTooLong

WIDE_DAYS = 31
KEYS_NARROW = 100  # what so many keys have in the hours of so many days is read in one part


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    rows_max: int = 1_000_000
    seconds_max: float = 5.0


BOUNDS = Bounds()


def minutes_at_once(keys: int, step: int) -> int:
    """How long a range may be that is read in one part, where it is of so many keys in steps of so many minutes.

    Each key may have a counter for each step; what KEYS_NARROW of them have in hours of WIDE_DAYS is read at once.
    """
    a_day, narrow_a_day = keys * DAY_MINUTES // step, KEYS_NARROW * DAY_MINUTES // HOUR_MINUTES
    return WIDE_DAYS * DAY_MINUTES * narrow_a_day // max(a_day, narrow_a_day)


def keys_at_once(minutes: int, step: int) -> int:
    """Of how many keys so long a range is read in one part; 0: of none."""
    if minutes > minutes_at_once(1, step):
        return 0
    return WIDE_DAYS * KEYS_NARROW * DAY_MINUTES // HOUR_MINUTES * step // max(minutes, step)


class Question:
    """One question of the minutes [first, last)."""

    def __init__(
        self, database: Database, bounds: Bounds, first: int, last: int, keys: int = 1, step: int = HOUR_MINUTES
    ) -> None:
        """`keys`: how many it is about, where their counters are read one by one, in steps of so many minutes."""
        self._database, self._bounds = database, bounds
        at_once = minutes_at_once(keys, step)
        self._first, self._last, self.is_wide = first, last, last - first > at_once
        unit = DAY_MINUTES if at_once >= DAY_MINUTES else max(step, HOUR_MINUTES)
        self._width = max(unit, at_once // unit * unit)
        self._rows, self._until = 0, time.monotonic() + bounds.seconds_max

    def parts(self) -> Iterator[tuple[int, int]]:
        """[first, last) of each part. Those of a wide one begin on multiples of their width: whole days, or hours."""
        if not self.is_wide:
            yield self._first, self._last
            return
        first = self._first
        while first < self._last:
            end = min(self._last, first - first % self._width + self._width)
            yield first, end
            first = end

    def narrow(self, kept: Callable[[Connection], tuple[int, int]]) -> None:
        """A wide one, to [first, last), where there is anything: it has no parts beyond, however far it was asked for.

        Raises as `reading`.
        """
        if self.is_wide:
            with self.reading() as tx:
                first, last = kept(tx)
            self._first, self._last = max(self._first, first), min(self._last, last)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """The transaction of a part. Raises InvalidArguments, which says what to do."""
        if not self.is_wide:
            with self._database.reading() as tx:
                yield tx
            return
        time.sleep(0)  # others' turn
        try:
            if (left := self._until - time.monotonic()) <= 0:
                raise TookTooLong(left)
            with self._database.reading(seconds_max=left) as tx:
                yield tx
        except TookTooLong:
            # Not what was left for this part, but all that it may take.
            raise InvalidArguments(str(TookTooLong(self._bounds.seconds_max))) from None

    def count(self, rows: int) -> None:
        """What was read of it. Raises InvalidArguments, which says what to do."""
        self._rows += rows
        if self.is_wide and self._rows > self._bounds.rows_max:
            raise InvalidArguments(f"it reads more than {self._bounds.rows_max} counters: ask for a shorter range")
