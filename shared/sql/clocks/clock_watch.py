"""Watch over the wall clock of a service that deletes or expires: what it read each minute is kept in its database.

Until the first reading of a process, and while the clock is in doubt, `clock.trusted_now` stands still, and so do
retention, sweeps and expiries for good. Verdicts go on.
"""

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Table, select
from sqlalchemy.exc import SQLAlchemyError

from shared.observability import metrics
from shared.observability.once_a_minute import OnceAMinute
from shared.runtime.clock import Clock
from shared.runtime.clock_doubt import TOLERANCE_SECONDS, Reading, Watched, watch
from shared.sql.database import Database, DatabaseBusy, upsert
from shared.values.timestamps import from_microseconds, rfc3339

WATCH_SECONDS = 60
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)  # nothing is older
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_log = structlog.get_logger(__name__)


def clock_reading_table(metadata: MetaData) -> Table:
    """A service's own, of one row at most: what clock_doubt.py keeps. Microseconds."""
    return Table(
        "clock_reading",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("boot", String(64), nullable=False),
        Column("wall_us", BigInteger, nullable=False),
        Column("elapsed_us", BigInteger, nullable=False),
        Column("doubted_boot", String(64)),
        Column("doubted_wall_us", BigInteger),
        Column("doubted_elapsed_us", BigInteger),
        Column("ran_us", BigInteger, nullable=False),
    )


class WatchedClock:
    """A clock whose `trusted_now` stands still at times. Made by ClockWatch."""

    def __init__(self, clock: Clock) -> None:
        self.now: Callable[[], datetime] = clock.now
        self.elapsed_seconds: Callable[[], float] = clock.elapsed_seconds
        self._stands_at, self._since = _BEGINNING, float("-inf")

    def stand(self, at: datetime) -> None:
        self._stands_at, self._since = at, float("-inf")

    def run(self, reading: Reading) -> None:
        """From a reading beyond doubt on; between two of them, too, both clocks must agree."""
        self._stands_at, self._since = _moment(reading), reading.elapsed

    def trusted_now(self) -> datetime:
        now, passed = self.now(), self.elapsed_seconds() - self._since
        differs = abs((now - self._stands_at).total_seconds() - passed)
        return now if differs <= TOLERANCE_SECONDS else self._stands_at


class ClockWatch:
    """`clock` is what the service's parts are given."""

    def __init__(self, service: str, database: Database, table: Table, clock: Clock, boot: str | None = None) -> None:
        """`boot`: the id of this boot of the machine; None: as the system tells it."""
        self._service, self._database, self._table = service, database, table
        self._boot = boot or boot_id()
        self.clock = WatchedClock(clock)
        self._told, self._one_at_a_time = OnceAMinute(clock.elapsed_seconds), threading.Lock()
        self._gauge = metrics.clock_in_doubt.labels(service)
        self._gauge.set(0)

    def tick(self) -> None:
        """Reads the clocks, each minute. A database that is away leaves things as they are."""
        with self._one_at_a_time:
            try:
                watched = self._write(watch)
            except (SQLAlchemyError, DatabaseBusy) as error:
                _log.warning("clock_not_watched", service=self._service, detail=type(error).__name__)
                return
        self._apply(watched)

    def accept(self) -> None:
        """An operator says that the clock is right as it is."""
        with self._one_at_a_time:
            watched = self._write(lambda _before, reading: Watched(trusted=reading))
        self._apply(watched)

    def doubted(self) -> tuple[datetime, datetime] | None:
        """(when the clock was last beyond doubt, what it said last), as kept; None: it is beyond doubt, or unread."""
        with self._database.reading(once=True) as tx:
            watched = _read(tx, self._table)
        if watched is None or watched.doubted is None:
            return None
        return _moment(watched.trusted), _moment(watched.doubted)

    def _write(self, judge: Callable[[Watched | None, Reading], Watched]) -> Watched:
        clock, table = self.clock, self._table
        with self._database.transaction() as tx:
            before = _read(tx, table, is_locked=True)
            reading = Reading(boot=self._boot, wall=clock.now().timestamp(), elapsed=clock.elapsed_seconds())
            watched = judge(before, reading)
            values = _values(watched)
            row = upsert(tx, table).values(id=1, **values)
            tx.execute(row.on_conflict_do_update(index_elements=["id"], set_=values))
        return watched

    def _apply(self, watched: Watched) -> None:
        self._gauge.set(int(watched.doubted is not None))
        if watched.doubted is None:
            self.clock.run(watched.trusted)
            return
        self.clock.stand(_moment(watched.trusted))
        if self._told.due():
            _log.error(
                "clock_in_doubt",
                service=self._service,
                trusted=rfc3339(_moment(watched.trusted)),
                told=rfc3339(_moment(watched.doubted)),
                advice="nothing is deleted or expired; set the clock right, or accept it: grillo clock accept",
            )


def boot_id() -> str:
    """Of this boot of the machine. Where the system has none, of this process: each start is a boot then."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return uuid.uuid4().hex


def _read(tx: Connection, table: Table, *, is_locked: bool = False) -> Watched | None:
    query = select(table)
    row = tx.execute(query.with_for_update() if is_locked else query).first()
    if row is None:
        return None
    trusted = Reading(boot=row.boot, wall=row.wall_us / 1e6, elapsed=row.elapsed_us / 1e6)
    if row.doubted_boot is None:
        return Watched(trusted=trusted)
    doubted = Reading(boot=row.doubted_boot, wall=row.doubted_wall_us / 1e6, elapsed=row.doubted_elapsed_us / 1e6)
    return Watched(trusted=trusted, doubted=doubted, ran_seconds=row.ran_us / 1e6)


def _values(watched: Watched) -> dict[str, str | int | None]:
    trusted, doubted = watched.trusted, watched.doubted
    return {
        "boot": trusted.boot,
        "wall_us": round(trusted.wall * 1e6),
        "elapsed_us": round(trusted.elapsed * 1e6),
        "doubted_boot": None if doubted is None else doubted.boot,
        "doubted_wall_us": None if doubted is None else round(doubted.wall * 1e6),
        "doubted_elapsed_us": None if doubted is None else round(doubted.elapsed * 1e6),
        "ran_us": round(watched.ran_seconds * 1e6),
    }


def _moment(reading: Reading) -> datetime:
    return from_microseconds(round(reading.wall * 1e6))
