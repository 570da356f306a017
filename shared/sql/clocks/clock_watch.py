"""Watch over the wall clock of a service that deletes or expires: what it read each minute is kept in its database.

Until it can be judged, and while it is in doubt, `clock.trusted_now` stands still, and so do retention, sweeps and
expiries for good. Verdicts go on.
"""

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Table, Text, select
from sqlalchemy.exc import SQLAlchemyError

from shared.observability import metrics
from shared.observability.once_a_minute import OnceAMinute
from shared.runtime.clock import Clock
from shared.runtime.clock_doubt import TOLERANCE_SECONDS, Agreement, Reading, Watched, watch
from shared.sql.database import Database, DatabaseBusy, upsert
from shared.values.timestamps import from_microseconds, rfc3339

WATCH_SECONDS = 60
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)  # nothing is older
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_readings = msgspec.json.Decoder(tuple[Reading, ...]).decode
_log = structlog.get_logger(__name__)


def clock_reading_table(metadata: MetaData) -> Table:
    """A service's own, of one row at most: what clock_doubt.py keeps. Microseconds.

    `firsts`, `doubted_firsts`: readings as JSON; null: by a release that kept the last one alone.
    """
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
        Column("firsts", Text),
        Column("doubted_firsts", Text),
    )


class WatchedClock:
    """A clock whose `trusted_now` stands still at times. Made by ClockWatch.

    `look`: called first of all, and each minute while it stands: another process may be told that the clock is right.
    """

    def __init__(self, clock: Clock, look: Callable[[], None]) -> None:
        self.now: Callable[[], datetime] = clock.now
        self.elapsed_seconds: Callable[[], float] = clock.elapsed_seconds
        self._look, self._looked = look, float("-inf")
        self._stands_at, self._since, self._contradicted = _BEGINNING, float("-inf"), False

    def stand(self, at: datetime, *, is_contradicted: bool) -> None:
        self._stands_at, self._since, self._contradicted = at, float("-inf"), is_contradicted

    def run(self, reading: Reading) -> None:
        """From a reading beyond doubt on; between two of them, too, both clocks must agree."""
        self._stands_at, self._since = from_microseconds(round(reading.wall * 1e6)), reading.elapsed
        self._contradicted = True  # if it stands from now on, then by the boot clock

    def trusted_now(self) -> datetime:
        return self._stands_at if self._is_in_doubt() else self.now()

    def is_contradicted(self) -> bool:
        return self._is_in_doubt() and self._contradicted

    def _is_in_doubt(self) -> bool:
        if self._stands() and self.elapsed_seconds() - self._looked >= WATCH_SECONDS:
            self._looked = self.elapsed_seconds()
            self._look()
        return self._stands()

    def _stands(self) -> bool:
        passed = self.elapsed_seconds() - self._since
        return abs((self.now() - self._stands_at).total_seconds() - passed) > TOLERANCE_SECONDS


class ClockWatch:
    """`clock` is what the service's parts are given. Workers call `tick`; other processes look at what that keeps."""

    def __init__(self, service: str, database: Database, table: Table, clock: Clock, boot: str | None = None) -> None:
        """`boot`: the id of this boot of the machine; None: as the system tells it."""
        self._service, self._database, self._table = service, database, table
        self._boot = boot or boot_id()
        self.clock = WatchedClock(clock, self._look)
        self._told, self._one_at_a_time = OnceAMinute(clock.elapsed_seconds), threading.Lock()

    def tick(self) -> None:
        """Reads the clocks, each minute, and keeps that. A database that is away leaves things as they are."""
        with self._one_at_a_time:
            try:
                watched = self._write(watch)
            except (SQLAlchemyError, DatabaseBusy) as error:
                _log.warning("clock_not_watched", service=self._service, detail=type(error).__name__)
                return
        self._apply(watched)
        # Of who ticks alone: who looks but at times would go on telling what is over.
        metrics.clock_in_doubt.labels(self._service).set(int(watched.doubted is not None))
        if watched.doubted is not None and self._told.due():
            _log.error(
                "clock_in_doubt",
                service=self._service,
                trusted=rfc3339(_moment(watched.trusted)),
                told=rfc3339(_moment(watched.doubted)),
                advice="nothing is deleted or expired; set the clock right, or accept it: grillo clock accept",
            )

    def _look(self) -> None:
        """Judges the clock by what is kept, and keeps nothing."""
        try:
            with self._database.reading(once=True) as tx:
                before = _read(tx, self._table)
        except (SQLAlchemyError, DatabaseBusy) as error:
            _log.warning("clock_not_watched", service=self._service, detail=type(error).__name__)
            return
        self._apply(watch(before, self._reading()))

    def accept(self) -> None:
        """An operator says that the clock is right as it is."""
        with self._one_at_a_time:
            watched = self._write(lambda _before, reading: Watched(trusted=Agreement.begun(reading)))
        self._apply(watched)

    def doubted(self) -> tuple[datetime, datetime] | None:
        """(when the clock was last beyond doubt, what it said last), as kept; None: it is beyond doubt, or unread."""
        with self._database.reading(once=True) as tx:
            watched = _read(tx, self._table)
        if watched is None or watched.doubted is None:
            return None
        return _moment(watched.trusted), _moment(watched.doubted)

    def _write(self, judge: Callable[[Watched | None, Reading], Watched]) -> Watched:
        table = self._table
        with self._database.transaction() as tx:
            before = _read(tx, table, is_locked=True)
            watched = judge(before, self._reading())
            values = _values(watched)
            row = upsert(tx, table).values(id=1, **values)
            tx.execute(row.on_conflict_do_update(index_elements=["id"], set_=values))
        return watched

    def _reading(self) -> Reading:
        return Reading(boot=self._boot, wall=self.clock.now().timestamp(), elapsed=self.clock.elapsed_seconds())

    def _apply(self, watched: Watched) -> None:
        if watched.doubted is None:
            self.clock.run(watched.trusted.last)
        else:
            self.clock.stand(_moment(watched.trusted), is_contradicted=watched.is_contradicted)


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
    agreed = _agreement(trusted, row.firsts)
    if row.doubted_boot is None:
        return Watched(trusted=agreed)
    doubted = Reading(boot=row.doubted_boot, wall=row.doubted_wall_us / 1e6, elapsed=row.doubted_elapsed_us / 1e6)
    return Watched(trusted=agreed, doubted=_agreement(doubted, row.doubted_firsts), ran_seconds=row.ran_us / 1e6)


def _agreement(last: Reading, firsts: str | None) -> Agreement:
    return Agreement.begun(last) if firsts is None else Agreement(last, _readings(firsts))


def _values(watched: Watched) -> dict[str, str | int | None]:
    trusted, doubted = watched.trusted.last, None if watched.doubted is None else watched.doubted.last
    return {
        "boot": trusted.boot,
        "wall_us": round(trusted.wall * 1e6),
        "elapsed_us": round(trusted.elapsed * 1e6),
        "doubted_boot": None if doubted is None else doubted.boot,
        "doubted_wall_us": None if doubted is None else round(doubted.wall * 1e6),
        "doubted_elapsed_us": None if doubted is None else round(doubted.elapsed * 1e6),
        "ran_us": round(watched.ran_seconds * 1e6),
        "firsts": _as_json(watched.trusted.firsts),
        "doubted_firsts": None if watched.doubted is None else _as_json(watched.doubted.firsts),
    }


def _moment(agreement: Agreement) -> datetime:
    return from_microseconds(round(agreement.last.wall * 1e6))


def _as_json(readings: tuple[Reading, ...]) -> str:
    return msgspec.json.encode(readings).decode()
