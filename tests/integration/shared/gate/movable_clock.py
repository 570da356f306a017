"""The machine's clocks and Redis's, moved on at will."""

import contextlib
from datetime import datetime, timedelta

import redis

from shared.runtime.clock import SystemClock
from tests.servers import Redis

QUOTA, SLOTS = "{grillo:quota}:record", "{grillo:quota}:slots:record"


class MovableClock:
    """The machine's clocks, moved on at will; Redis's with them."""

    def __init__(self, server: Redis, record: str = QUOTA) -> None:
        """`record`: of the script whose time is moved."""
        self._server, self._record, self._system = server, record, SystemClock()
        self._moved_seconds, self._moved_days, self._set_by = 0.0, timedelta(), timedelta()

    def now(self) -> datetime:
        return self._system.now() + timedelta(seconds=self._moved_seconds) + self._moved_days + self._set_by

    def trusted_now(self) -> datetime:
        return self.now()

    def is_contradicted(self) -> bool:
        return False

    def elapsed_seconds(self) -> float:
        return self._system.elapsed_seconds() + self._moved_seconds

    def advance(self, seconds: float) -> None:
        with self._server.client() as client:
            client.hincrby(self._record, "offset", round(seconds * 1000))
        self._moved_seconds += round(seconds * 1000) / 1000

    def pass_seconds(self, seconds: float) -> None:
        """Whether or not Redis is there to take part."""
        with contextlib.suppress(redis.exceptions.RedisError):
            self.advance(seconds)
            return
        self._moved_seconds += seconds

    def go_to_before_midnight(self, seconds: float) -> None:
        """Only what day it is: that is the log's database's clock, not Redis's."""
        now = self.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        self._moved_days += midnight - timedelta(seconds=seconds) - now

    def set_by(self, days: int) -> None:
        """The log's database's clock is wrong by so many days from now on."""
        self._set_by = timedelta(days=days)
