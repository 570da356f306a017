"""Follower with a SQL projection: checkpoint and effects commit together, and events that fail to apply are parked.

A handler that fails must not hold up the rest: its event is parked, later events of the same stream wait behind it in
order, and the other streams flow on. Parked events are retried with growing delay, then wait for a person: counted in
a metric, listed, replayed on demand.
"""

import contextlib
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Table, Text, delete
from sqlalchemy.exc import InterfaceError, OperationalError

from shared.contracts.envelope import CloudEvent
from shared.eventsourcing.audit import Anchor
from shared.eventsourcing.event_store import Head
from shared.observability import metrics
from shared.replication.checkpoints import CheckpointDamaged, checkpoint_table, read_checkpoint, write_checkpoint
from shared.replication.feed import FeedUnavailable
from shared.replication.heads.held_heads import HeldHead, Remembered
from shared.replication.kept_heads import KeptHeads, kept_head_table, read_kept_heads
from shared.replication.parked_events import ParkedEvent, ParkedEvents
from shared.replication.proof.signed_heads import SignedHead
from shared.replication.subscription import comes_next
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.timestamps import rfc3339

_log = structlog.get_logger(__name__)

Handler = Callable[[Connection, CloudEvent], None]
HandlePage = Callable[[Connection, Sequence[CloudEvent]], None]
Reset = Callable[[Connection], None]


def follower_tables(metadata: MetaData) -> tuple[Table, Table]:
    checkpoint = checkpoint_table(metadata)
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
    kept_head_table(metadata)
    return checkpoint, parked


class SqlFollower:
    def __init__(
        self,
        name: str,
        database: Database,
        metadata: MetaData,
        handle: Handler,
        reset: Reset,
        clock: Clock,
        *,
        handle_all: HandlePage | None = None,
    ) -> None:
        """`handle` applies one event in the given transaction and is safe to run again after it failed.

        `handle_all` applies many at once, faster than one by one. If it raises, all are tried again with `handle`.
        `reset` deletes the projection.
        """
        self.name, self._database, self._metadata = name, database, metadata
        self._handle, self._handle_all, self._reset = handle, handle_all or self._handle_each, reset
        self._has_retried = False
        self._checkpoint = metadata.tables["checkpoint"]
        self._parked = ParkedEvents(name, metadata.tables["parked_event"], clock)
        self._kept_heads, self._clock = KeptHeads(name, metadata.tables["kept_head"]), clock
        self._named: SignedHead | None = None
        self._lost: str | None = None

    def checkpoint(self) -> Head | None:
        """None before anything was applied. If the row is damaged the follower begins anew, which heals it."""
        try:
            with self._database.reading(once=True) as tx:
                return read_checkpoint(tx, self._checkpoint, self.name)
        except CheckpointDamaged as damaged:
            metrics.damaged_rows.labels("checkpoint").inc()
            _log.error("checkpoint_damaged", follower=self.name, detail=str(damaged))
            self.restart()
            return None

    def apply(self, events: Sequence[CloudEvent]) -> None:
        """Applies the events, except those that another instance of this follower has applied meanwhile.

        Not durable: a crash of the database's machine may set checkpoint and effects back together, and the follower
        continues from there. Raises FeedUnavailable if these events do not continue from the checkpoint.
        """
        with self._database.transaction(durable=False, urgent=True) as tx:
            events = _still_to_come(events, self._locked_checkpoint(tx))
            if not events:
                return
            waiting = self._parked.streams(tx)
            if waiting or not self._try_all(tx, events):
                self._apply_each(tx, events, waiting)
            self._move(tx, events[-1].place)
        if waiting:
            self._count_parked()

    def held(self) -> HeldHead:
        """The newest head that the log's service signed and this follower has kept, whatever it followed since.

        Read anew each time: a database may be put back under a process that runs.
        """
        with self._database.reading(once=True) as tx:
            self._named = self._kept_heads.newest(tx)
        return HeldHead(follower=self.name, head=self._named, lost=self._lost)

    def lacks(self, remembered: Remembered | None) -> bool:
        """Whether the database does not have any more what the log's service was told that it has: it was put back.

        From then on `held` says so, until a newer head is kept. To be asked after each pull, before that.
        """
        self._lost = None
        if remembered is None or (self._named is not None and remembered.is_within(self._named)):
            return False
        with self._database.reading(once=True) as tx:
            if not self._kept_heads.has(tx, remembered):
                self._lost = remembered.signed_at
        return self._lost is not None

    def keep(self, head: SignedHead | None) -> None:
        """Keeps a head of the log, that everything up to is applied; once each. None: there is none to keep."""
        if head is not None and self._kept_heads.is_new(head):
            with self._database.transaction(urgent=True) as tx:
                self._kept_heads.keep(tx, head)
        self._lost = None

    def restart(self) -> None:
        with self._database.transaction(unlimited=True) as tx:
            self._kept_heads.keep_for_ever(tx, self._last_checkpoint(tx), rfc3339(self._clock.now()))
            self._reset(tx)
            tx.execute(delete(self._checkpoint).where(self._checkpoint.c.follower == self.name))
            self._parked.forget(tx)
        self._count_parked()
        _log.warning("follower_restarted", follower=self.name)

    def retry_due(self) -> None:
        """Tries again the parked events whose time has come, each with what waits behind it.

        The first time it tries all of them: this release may be able to apply what the one before could not.
        """
        if self._count_parked():  # also what a process before this one parked
            with self._database.reading(once=True) as tx:
                streams = self._parked.streams(tx, due_only=self._has_retried)
            for stream in streams:
                self.replay(stream)
        self._has_retried = True

    def replay(self, stream: str) -> bool:
        """Applies a stream's parked events in order until one fails. Returns whether none is left."""
        with self._database.transaction(urgent=True) as tx:
            self._locked_checkpoint(tx)
            is_through = all(self._retry(tx, *parked) for parked in self._parked.of_stream(tx, stream))
        self._count_parked()
        return is_through

    def anchors(self) -> tuple[Anchor, ...]:
        with self._database.reading() as tx:
            return read_anchors(tx, self._metadata, self.name)

    def parked(self) -> tuple[ParkedEvent, ...]:
        with self._database.reading() as tx:
            return self._parked.all(tx)

    def _apply_each(self, tx: Connection, events: Sequence[CloudEvent], waiting: set[str]) -> None:
        for event in events:
            if event.subject in waiting:
                self._parked.park_behind(tx, event)
            elif error := self._try(tx, event):
                waiting.add(event.subject)
                self._parked.park(tx, event, error)

    def _retry(self, tx: Connection, position: int, attempts: int, event: CloudEvent) -> bool:
        error = self._try(tx, event)
        if error is not None:
            self._parked.failed_again(tx, position, attempts + 1, error)
            return False
        self._parked.remove(tx, position)
        return True

    def _try_all(self, tx: Connection, events: Sequence[CloudEvent]) -> bool:
        """True: all events were applied; False: none was."""
        if len(events) == 1:
            return False
        try:
            with tx.begin_nested():
                self._handle_all(tx, events)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            return False  # applying them one by one will show which of them failed
        return True

    def _handle_each(self, tx: Connection, events: Sequence[CloudEvent]) -> None:
        """Applies all without a savepoint for each, which would cost two round trips."""
        for event in events:
            self._handle(tx, event)

    def _try(self, tx: Connection, event: CloudEvent) -> str | None:
        """Applies one event in a savepoint of its own. Returns None, or the error's type name.

        Raises faults of the database, which say nothing of the event: SQLite, for example, answers a full disk by
        rolling back the whole transaction, savepoints or not.
        """
        try:
            with tx.begin_nested():
                self._handle(tx, event)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            # Any exception parks the event. Only its type is kept: its text may quote data.
            return type(error).__name__
        return None

    def _locked_checkpoint(self, tx: Connection) -> Head | None:
        """Reads and locks the checkpoint row, so that one instance of this follower writes at a time."""
        return read_checkpoint(tx, self._checkpoint, self.name, lock=True)

    def _move(self, tx: Connection, place: Head) -> None:
        write_checkpoint(tx, self._checkpoint, self.name, place)

    def _last_checkpoint(self, tx: Connection) -> Head | None:
        """None where it is damaged: it proves nothing any more."""
        with contextlib.suppress(CheckpointDamaged):
            return self._locked_checkpoint(tx)
        return None

    def _count_parked(self) -> int:
        with self._database.reading(once=True) as tx:
            events, streams = self._parked.count(tx)
        metrics.parked_events.labels(self.name).set(events)
        metrics.parked_streams.labels(self.name).set(streams)
        return events


def read_anchors(tx: Connection, metadata: MetaData, follower: str) -> tuple[Anchor, ...]:
    """What a follower remembers of a log: its kept heads, then its checkpoint, unless that is damaged."""
    kept = read_kept_heads(tx, metadata.tables["kept_head"], follower)
    with contextlib.suppress(CheckpointDamaged):
        if (checkpoint := read_checkpoint(tx, metadata.tables["checkpoint"], follower)) is not None:
            return (*kept, Anchor(follower=follower, checkpoint=checkpoint))
    return kept


def _still_to_come(events: Sequence[CloudEvent], place: Head | None) -> Sequence[CloudEvent]:
    position = place.position if place else 0
    is_elsewhere = place and events[0].epoch != place.epoch and not comes_next(events[0], place)
    to_come = [event for event in events if event.position > position]
    if is_elsewhere or (to_come and not comes_next(to_come[0], place)):
        raise FeedUnavailable(f"the follower stands at {position} by now; the next pull goes on from there")
    return to_come
