"""Event store: the append-only, gapless, hash-chained log of one service. No row is ever changed or deleted.

Positions become visible in order, because appending holds the head row until commit: no reader can step over an event
that is still being written. `row_hash` defines the chain; everything that checks it calls that.
"""

import hashlib
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from shared.eventsourcing.epochs import LOG_RESTORED, Epoch, Epochs, LogRestored
from shared.eventsourcing.event_types import Encoded

Tx = TypeVar("Tx")


class StoredEvent(msgspec.Struct, frozen=True):
    """A row of the log as stored: its fields are the very texts and numbers that its hash covers."""

    position: int
    stream: str
    version: int
    type: str
    schema_version: int
    data: str
    metadata: str
    recorded_at: str
    hash: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a log; also a follower's checkpoint: which log (epoch), how far, and the hash at that position."""

    epoch: str
    position: int
    hash: str


class VersionConflict(Exception):
    """The stream moved on between load and append: decide again."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        self.stream, self.expected, self.actual = stream, expected, actual
        super().__init__(f"{stream} is at version {actual}, not {expected}")


class Appender(Protocol):
    """Appends to a log, which is locked for others until the transaction is over."""

    def append(
        self, stream: str, expected_version: int, events: Sequence[Encoded], metadata: str, recorded_at: str
    ) -> tuple[StoredEvent, ...]:
        """Adds the events as versions expected_version + 1, + 2 …; nothing is kept unless the transaction commits.

        Raises VersionConflict when the stream's version is another.
        """
        ...

    def load(self, streams: Collection[str]) -> dict[str, tuple[StoredEvent, ...]]:
        """The streams' events as they stand, those of this transaction too; from then on they can be appended to."""
        ...

    def attempt(self) -> AbstractContextManager[None]:
        """Savepoint: what is written inside is rolled back if the block raises; what was written before stays."""
        ...


class EventStore(Protocol[Tx]):
    # Faults of the database and not of a single write: after one of them the whole transaction is lost.
    faults: tuple[type[Exception], ...]

    def transaction(self) -> AbstractContextManager[Tx]: ...

    def check_room(self) -> None:
        """Raises where what is left of the disk is kept for urgent commands."""
        ...

    def reading(self, *, once: bool = False, unlimited: bool = False) -> AbstractContextManager[Tx]:
        """A read-only transaction. `once`: for a single statement. `unlimited`: however long it takes."""
        ...

    def appending(self, tx: Tx, streams: Collection[str]) -> AbstractContextManager[Appender]:
        """Locks the log and appends to these streams. The rows are in the log once the block is left."""
        ...

    def append(
        self, tx: Tx, stream: str, expected_version: int, events: Sequence[Encoded], metadata: str, recorded_at: str
    ) -> tuple[StoredEvent, ...]:
        """`appending` with a single Appender.append."""
        ...

    def stream(self, tx: Tx, stream: str) -> tuple[StoredEvent, ...]: ...

    def after(self, tx: Tx, position: int, limit: int) -> tuple[StoredEvent, ...]:
        """The events with greater positions, in order, `limit` at most."""
        ...

    def hash_at(self, tx: Tx, position: int) -> str | None:
        """The hash of the row at a position (0: the genesis hash); None if there is no such row."""
        ...

    def head(self, tx: Tx) -> Head: ...

    def epochs(self, tx: Tx) -> Epochs: ...


def genesis_hash(epoch: str) -> str:
    """The hash before the first row. It depends on the epoch, so two logs with equal rows share no hash."""
    return hashlib.sha256(b"grillo log " + epoch.encode()).hexdigest()


def row_hash(previous: str, row: StoredEvent) -> str:
    """SHA-256 over the previous hash and this row's stored bytes; lengths keep fields from running together."""
    digest = hashlib.sha256(bytes.fromhex(previous))
    for field in (
        str(row.position),
        row.stream,
        str(row.version),
        row.type,
        str(row.schema_version),
        row.data,
        row.metadata,
        row.recorded_at,
    ):
        encoded = field.encode("utf-8", "surrogateescape")  # as SQLite may hold after tampering
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()


def chained(
    head: Head, stream: str, version: int, events: Sequence[Encoded], metadata: str, recorded_at: str
) -> Iterator[StoredEvent]:
    """The rows that append after `head`, with their positions, versions and hashes."""
    previous = head.hash
    for offset, event in enumerate(events, start=1):
        fields = StoredEvent(
            position=head.position + offset,
            stream=stream,
            version=version + offset,
            type=event.type,
            schema_version=event.schema_version,
            data=event.data,
            metadata=metadata,
            recorded_at=recorded_at,
            hash="",
        )
        previous = row_hash(previous, fields)
        yield replace(fields, hash=previous)


class MemoryEventStore:
    """Event store in memory. A transaction works on a copy, which replaces the log at commit; one at a time."""

    faults: tuple[type[Exception], ...] = ()

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch
        self._rows: list[StoredEvent] = []
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[list[StoredEvent]]:
        with self._one_at_a_time:
            rows = list(self._rows)
            yield rows
            self._rows = rows

    def check_room(self) -> None:
        """Memory has room."""

    @contextmanager
    def reading(self, *, once: bool = False, unlimited: bool = False) -> Iterator[list[StoredEvent]]:
        yield self._rows

    @contextmanager
    def appending(self, tx: list[StoredEvent], streams: Collection[str]) -> Iterator[Appender]:
        yield _MemoryAppender(self, tx)

    def append(
        self,
        tx: list[StoredEvent],
        stream: str,
        expected_version: int,
        events: Sequence[Encoded],
        metadata: str,
        recorded_at: str,
    ) -> tuple[StoredEvent, ...]:
        with self.appending(tx, (stream,)) as log:
            return log.append(stream, expected_version, events, metadata, recorded_at)

    def stream(self, tx: list[StoredEvent], stream: str) -> tuple[StoredEvent, ...]:
        return tuple(row for row in tx if row.stream == stream)

    def after(self, tx: list[StoredEvent], position: int, limit: int) -> tuple[StoredEvent, ...]:
        start = max(0, position)
        return tuple(tx[start : start + limit])

    def hash_at(self, tx: list[StoredEvent], position: int) -> str | None:
        if position == 0:
            return genesis_hash(self._epoch)
        return tx[position - 1].hash if 0 < position <= len(tx) else None

    def head(self, tx: list[StoredEvent]) -> Head:
        position = len(tx)
        return Head(epoch=self.epochs(tx).present, position=position, hash=self.hash_at(tx, position) or "")

    def epochs(self, tx: list[StoredEvent]) -> Epochs:
        began = [row for row in tx if row.type == LOG_RESTORED]
        restorations = tuple(msgspec.json.decode(row.data, type=LogRestored) for row in began)
        later = tuple(Epoch(each.to_epoch, row.position) for row, each in zip(began, restorations, strict=True))
        return Epochs(first=self._epoch, later=later, restorations=restorations)


class _MemoryAppender:
    def __init__(self, store: MemoryEventStore, tx: list[StoredEvent]) -> None:
        self._store, self._tx = store, tx

    def append(
        self, stream: str, expected_version: int, events: Sequence[Encoded], metadata: str, recorded_at: str
    ) -> tuple[StoredEvent, ...]:
        actual = len(self._store.stream(self._tx, stream))
        if actual != expected_version:
            raise VersionConflict(stream, expected_version, actual)
        rows = tuple(chained(self._store.head(self._tx), stream, actual, events, metadata, recorded_at))
        self._tx.extend(rows)
        return rows

    def load(self, streams: Collection[str]) -> dict[str, tuple[StoredEvent, ...]]:
        return {stream: self._store.stream(self._tx, stream) for stream in streams}

    @contextmanager
    def attempt(self) -> Iterator[None]:
        length = len(self._tx)
        try:
            yield
        except Exception:
            del self._tx[length:]
            raise
