"""A follower whose projection lives in its service's database, with a place for events that will not apply.

A handler that fails must hold up nobody else: its event is parked, later events of the same stream wait behind
it in order, and the rest of the log flows on. Parked events are tried again with growing delay, then stay for
a person: counted in a metric, listed, replayed on demand.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import InterfaceError, OperationalError

from shared import metrics
from shared.clock import Clock
from shared.contracts.envelope import CloudEvent, from_json
from shared.database import Database
from shared.event_store import Head
from shared.feed import FeedUnavailable
from shared.times import rfc3339

ATTEMPTS_MAX = 8
_FIRST_DELAY_SECONDS = 1.0
_log = structlog.get_logger(__name__)

Handler = Callable[[Connection, CloudEvent], None]
Reset = Callable[[Connection], None]


def follower_tables(metadata: MetaData) -> tuple[Table, Table]:
    checkpoint = Table(
        "checkpoint",
        metadata,
        Column("follower", String(64), primary_key=True),
        Column("epoch", String(32), nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("hash", String(64), nullable=False),
    )
    parked = Table(
        "parked_event",
        metadata,
        Column("follower", String(64), primary_key=True),
        Column("position", BigInteger, primary_key=True),
        Column("stream", String(64), nullable=False),
        Column("envelope", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("retry_at", String(27), nullable=True),
        Column("error", String(500), nullable=False),
    )
    return checkpoint, parked


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """`retry_at` is None when only a person's replay will try it again, or when it waits behind another."""

    position: int
    stream: str
    type: str
    attempts: int
    error: str
    retry_at: str | None


class SqlFollower:
    def __init__(
        self, name: str, database: Database, metadata: MetaData, handle: Handler, reset: Reset, clock: Clock
    ) -> None:
        """`handle` applies one event in the given transaction and is safe to run again after it failed."""
        self._name, self._database, self._clock = name, database, clock
        self._handle, self._reset = handle, reset
        self._checkpoint = metadata.tables["checkpoint"]
        self._parked = metadata.tables["parked_event"]

    def checkpoint(self) -> Head | None:
        with self._database.reading() as tx:
            return read_checkpoint(tx, self._checkpoint, self._name)

    def apply(self, events: Sequence[CloudEvent]) -> None:
        """Another instance of this follower may have been faster: what it has applied is left out here.

        Raises FeedUnavailable when these events do not follow on where the follower stands by now.
        """
        with self._database.transaction() as tx:
            events = _still_to_come(events, self._locked_checkpoint(tx))
            if not events:
                return
            waiting = self._parked_streams(tx)
            for event in events:
                if event.subject in waiting:
                    self._park(tx, event, error="waits behind an earlier event of its stream", retry_at=None)
                elif error := self._try(tx, event):
                    waiting.add(event.subject)
                    self._park(tx, event, error=error, retry_at=self._due(attempts=1))
            self._move(tx, events[-1].place)
        self._count_parked()

    def restart(self) -> None:
        with self._database.transaction() as tx:
            self._locked_checkpoint(tx)
            self._reset(tx)
            for table in (self._checkpoint, self._parked):
                tx.execute(delete(table).where(table.c.follower == self._name))
        self._count_parked()
        _log.warning("follower_restarted", follower=self._name)

    def retry_due(self) -> None:
        """Tries again the parked events whose time has come, each with what waits behind it."""
        now = rfc3339(self._clock.now())
        parked = self._parked
        with self._database.reading() as tx:
            due = tx.execute(
                select(parked.c.stream).where(parked.c.follower == self._name, parked.c.retry_at <= now)
            ).scalars()
            streams = list(due)
        for stream in streams:
            self.replay(stream)
        self._count_parked()  # also what a process before this one parked

    def replay(self, stream: str) -> bool:
        """Applies a stream's parked events in order, as far as they go; whether none is left."""
        with self._database.transaction() as tx:
            self._locked_checkpoint(tx)
            for row in tx.execute(self._of_stream(stream)).all():
                error = self._try(tx, from_json(msgspec.json.decode(row.envelope)))
                if error is not None:
                    self._failed_again(tx, row.position, row.attempts + 1, error)
                    break
                tx.execute(delete(self._parked).where(self._at(row.position)))
            left = tx.execute(self._of_stream(stream)).first() is not None
        self._count_parked()
        return not left

    def parked(self) -> tuple[Parked, ...]:
        table = self._parked
        with self._database.reading() as tx:
            rows = tx.execute(select(table).where(table.c.follower == self._name).order_by(table.c.position)).all()
        return tuple(
            Parked(
                position=row.position,
                stream=row.stream,
                type=from_json(msgspec.json.decode(row.envelope)).type,
                attempts=row.attempts,
                error=row.error,
                retry_at=row.retry_at,
            )
            for row in rows
        )

    def _try(self, tx: Connection, event: CloudEvent) -> str | None:
        """Applies one event in a savepoint of its own; what went wrong, if it did.

        Raises what is the database's fault and not the event's: SQLite, for one, answers a full disk by rolling
        back all of the transaction, savepoint or not.
        """
        try:
            with tx.begin_nested():
                self._handle(tx, event)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            # Whatever a handler raises is a reason to park; the type is enough, texts may quote data.
            return type(error).__name__
        return None

    def _park(self, tx: Connection, event: CloudEvent, *, error: str, retry_at: str | None) -> None:
        tx.execute(
            insert(self._parked).values(
                follower=self._name,
                position=event.position,
                stream=event.subject,
                envelope=msgspec.json.encode(event).decode(),
                attempts=0 if retry_at is None else 1,
                retry_at=retry_at,
                error=error,
            )
        )

    def _failed_again(self, tx: Connection, position: int, attempts: int, error: str) -> None:
        retry_at = None if attempts >= ATTEMPTS_MAX else self._due(attempts)
        values = {"attempts": attempts, "error": error, "retry_at": retry_at}
        tx.execute(update(self._parked).where(self._at(position)).values(values))

    def _due(self, attempts: int) -> str:
        return rfc3339(self._clock.now() + _delay(attempts))

    def _locked_checkpoint(self, tx: Connection) -> Head | None:
        """Whoever holds it is the only instance of this follower that writes."""
        return read_checkpoint(tx, self._checkpoint, self._name, lock=True)

    def _move(self, tx: Connection, place: Head) -> None:
        table = self._checkpoint
        values = {"epoch": place.epoch, "position": place.position, "hash": place.hash}
        moved = tx.execute(update(table).where(table.c.follower == self._name).values(values))
        if moved.rowcount == 0:
            tx.execute(insert(table).values(follower=self._name, **values))

    def _of_stream(self, stream: str) -> Select[Any]:
        table = self._parked
        return select(table).where(table.c.follower == self._name, table.c.stream == stream).order_by(table.c.position)

    def _at(self, position: int) -> ColumnElement[bool]:
        return and_(self._parked.c.follower == self._name, self._parked.c.position == position)

    def _parked_streams(self, tx: Connection) -> set[str]:
        table = self._parked
        return set(tx.execute(select(table.c.stream).where(table.c.follower == self._name).distinct()).scalars())

    def _count_parked(self) -> None:
        table = self._parked
        with self._database.reading() as tx:
            count = tx.execute(select(func.count()).where(table.c.follower == self._name)).scalar_one()
        metrics.parked_events.labels(self._name).set(count)


def read_checkpoint(tx: Connection, table: Table, follower: str, *, lock: bool = False) -> Head | None:
    query = select(table).where(table.c.follower == follower)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else Head(epoch=row.epoch, position=row.position, hash=row.hash)


def _still_to_come(events: Sequence[CloudEvent], place: Head | None) -> Sequence[CloudEvent]:
    position = place.position if place else 0
    if (place and events[0].epoch != place.epoch) or events[0].position > position + 1:
        raise FeedUnavailable(f"the follower stands at {position} by now; the next pull goes on from there")
    return [event for event in events if event.position > position]


def _delay(attempts: int) -> timedelta:
    """1 s, 2 s, 4 s …: about four minutes in all before a person is needed."""
    return timedelta(seconds=_FIRST_DELAY_SECONDS * 2 ** (attempts - 1))
