"""Event store in SQL: the same statements on SQLite and PostgreSQL."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple, Protocol

from msgspec.structs import asdict, replace
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Row,
    ScalarSelect,
    Select,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import InterfaceError, OperationalError

from shared.eventsourcing.chain.recent_links import RecentLinks
from shared.eventsourcing.epochs import Epoch, Epochs, LogDiverged, restoration
from shared.eventsourcing.event_store import Appender, Head, StoredEvent, VersionConflict, chained, genesis_hash
from shared.eventsourcing.event_types import Encoded
from shared.sql.database import Database
from shared.sql.in_values import in_values

_LAST = 2**63 - 1


class LogPage(NamedTuple):
    """Consecutive rows, read at one moment. `previous`: the hash before the first row."""

    epochs: Epochs
    previous: str | None
    rows: tuple[StoredEvent, ...]


class ReadPage(Protocol):
    def __call__(self, tx: Connection, limit: int, *, last: int = _LAST, **parameters: int) -> LogPage | None:
        """Reads, by one statement, at most `limit` rows up to the position `last`. None: there are none."""


class SqlEventStore:
    # SQLite, for example, answers a full disk by rolling back the whole transaction, savepoints or not.
    faults: tuple[type[Exception], ...] = (OperationalError, InterfaceError)

    def __init__(self, database: Database, metadata: MetaData) -> None:
        self._database = database
        self._log = log = metadata.tables["log"]
        self._head = head = metadata.tables["log_head"]
        self._epoch = metadata.tables["log_epoch"]
        # By the present one: a log gets another with each epoch, and none is ever given twice.
        self._epochs: dict[str, Epochs] = {}
        # Built once: building a statement takes longer than running it.
        self._select_stream = select(log).where(log.c.stream == bindparam("of")).order_by(log.c.version)
        is_wanted = log.c.stream.in_(bindparam("streams", expanding=True))
        self._select_versions = select(log.c.stream, func.max(log.c.version)).where(is_wanted).group_by(log.c.stream)
        self.divergence = head.c.divergence  # what showed that the log was put back; None: nothing
        self._select_heads: dict[tuple[ColumnElement[Any], ...], Select[Any]] = {}
        self._lock_head = select(head).with_for_update()
        self._insert_rows = insert(log)
        self.recent_links = RecentLinks()
        self._move_head = update(head).values(position=bindparam("to_position"), hash=bindparam("to_hash"))

    def transaction(self) -> AbstractContextManager[Connection]:
        """Urgent, as one of the commands in it may be; the others were asked for room before (check_room)."""
        return self._database.transaction(urgent=True)

    def check_room(self) -> None:
        """Raises DiskFull when only what ends keys is written any more."""
        self._database.check_room()

    def reading(self, *, once: bool = False, unlimited: bool = False) -> AbstractContextManager[Connection]:
        return self._database.reading(once=once, unlimited=unlimited)

    @contextmanager
    def appending(self, tx: Connection, streams: Collection[str]) -> Iterator[Appender]:
        head = self._locked_head(tx)
        versions = {row[0]: row[1] for row in tx.execute(self._select_versions, {"streams": tuple(streams)})}
        appender = _SqlAppender(tx, head, dict.fromkeys(streams, 0) | versions, self.streams)
        yield appender
        if rows := appender.rows:
            tx.execute(self._insert_rows, list(map(asdict, rows)))
            tx.execute(self._move_head, {"to_position": rows[-1].position, "to_hash": rows[-1].hash})
            self.recent_links.keep(head, rows)

    def append(
        self,
        tx: Connection,
        stream: str,
        expected_version: int,
        events: Sequence[Encoded],
        metadata: str,
        recorded_at: str,
    ) -> tuple[StoredEvent, ...]:
        with self.appending(tx, (stream,)) as log:
            return log.append(stream, expected_version, events, metadata, recorded_at)

    def stream(self, tx: Connection, stream: str) -> tuple[StoredEvent, ...]:
        """Oldest first."""
        return tuple(map(_as_event, tx.execute(self._select_stream, {"of": stream})))

    def streams(self, tx: Connection, streams: Collection[str]) -> tuple[StoredEvent, ...]:
        """The events of all of them, each stream's in its order."""
        if len(streams) == 1:
            (only,) = streams
            return self.stream(tx, only)
        log = self._log
        rows = tx.execute(select(log).where(in_values(tx, log.c.stream, streams)).order_by(log.c.stream, log.c.version))
        return tuple(map(_as_event, rows))

    def after(self, tx: Connection, position: int, limit: int) -> tuple[StoredEvent, ...]:
        log = self._log
        rows = tx.execute(select(log).where(log.c.position > position).order_by(log.c.position).limit(limit))
        return tuple(map(_as_event, rows.all()))

    def hash_at(self, tx: Connection, position: int) -> str | None:
        if position == 0:
            return genesis_hash(self.epochs(tx).first)
        log = self._log
        return tx.execute(select(log.c.hash).where(log.c.position == position)).scalar_one_or_none()

    def head_and_hash(
        self, tx: Connection, position: int, also: tuple[ColumnElement[Any], ...] = (), **parameters: object
    ) -> tuple[Head, str | None, tuple[Any, ...]]:
        """The head, the hash at that position (None: no such row), and the values of `also`: by one statement.

        `parameters`: of `also`.
        """
        statement = self._select_heads.get(also)
        if statement is None:
            there = self.hash_there(bindparam("at", type_=BigInteger))
            columns = self._head.c
            of_head = (columns.epoch, columns.present_epoch, columns.position, columns.hash)
            statement = self._select_heads[also] = select(*of_head, there, *also)
        row = tx.execute(statement, {"at": position} | parameters).one()
        first, present, head_position, hash_, hash_there, *values = row
        head = Head(epoch=present or first, position=head_position, hash=hash_)
        return head, hash_there if position else genesis_hash(first), tuple(values)

    def epochs(self, tx: Connection, present: str | None = None) -> Epochs:
        """`present`: the head's epoch, where it was read already; of this log, then or now."""
        if present is not None and (known := self._epochs.get(present)) is not None:
            return known
        found = self._read_epochs(tx)
        if present is not None:
            found = self._epochs[present] = found.up_to(present)
        return found

    def pages_after(self, position: ColumnElement[int] | ScalarSelect[int]) -> ReadPage:
        """A prepared query for the rows after `position`, which may be a subquery or a parameter."""
        log = self._log
        question = (
            select(log, self._present_epoch(), self.hash_there(position))
            .where(log.c.position > position, log.c.position <= bindparam("last", type_=BigInteger))
            .order_by(log.c.position)
            .limit(bindparam("limit", type_=Integer))
        )

        def read(tx: Connection, limit: int, *, last: int = _LAST, **parameters: int) -> LogPage | None:
            rows = tx.execute(question, {"limit": limit, "last": last} | parameters).all()
            if not rows:
                return None
            present, previous = rows[0][-2:]
            events, epochs = tuple(StoredEvent(*row[:-2]) for row in rows), self.epochs(tx, present)
            return LogPage(epochs, genesis_hash(epochs.first) if events[0].position == 1 else previous, events)

        return read

    def hash_there(self, position: ColumnElement[int] | ScalarSelect[int]) -> ScalarSelect[str]:
        """The hash of the row at a position, as part of a statement."""
        there = self._log.alias("there")
        return select(there.c.hash).where(there.c.position == position).scalar_subquery()

    def head(self, tx: Connection) -> Head:
        row = tx.execute(select(self._head)).one()
        return Head(epoch=row.present_epoch or row.epoch, position=row.position, hash=row.hash)

    def _locked_head(self, tx: Connection) -> Head:
        row = tx.execute(self._lock_head).one()
        if row.divergence is not None:
            raise LogDiverged
        return Head(epoch=row.present_epoch or row.epoch, position=row.position, hash=row.hash)

    def _present_epoch(self) -> ScalarSelect[str]:
        return select(func.coalesce(self._head.c.present_epoch, self._head.c.epoch)).scalar_subquery()

    def _read_epochs(self, tx: Connection) -> Epochs:
        log, epoch = self._log, self._epoch
        began, before = log.alias("began"), log.alias("before")
        first = tx.execute(select(self._head.c.epoch)).scalar_one()
        rows = tx.execute(
            select(epoch.c.epoch, epoch.c.from_position, began.c.type, began.c.data, before.c.hash)
            .outerjoin(began, began.c.position == epoch.c.from_position)
            .outerjoin(before, before.c.position == epoch.c.from_position - 1)
            .order_by(epoch.c.from_position)
        ).all()
        later = tuple(Epoch(row.epoch, row.from_position) for row in rows)
        restorations = tuple(
            restored
            for row in rows
            if (
                restored := restoration(
                    row.type, row.data, (row.from_position - 1, row.hash or genesis_hash(first), row.epoch)
                )
            )
        )
        return Epochs(first=first, later=later, restorations=restorations)


_ReadStreams = Callable[[Connection, Collection[str]], tuple[StoredEvent, ...]]


class _SqlAppender:
    """Chains rows in memory and inserts them together at the end: fewer statements keep the lock shorter."""

    def __init__(self, tx: Connection, head: Head, versions: dict[str, int], read: _ReadStreams) -> None:
        self.rows: tuple[StoredEvent, ...] = ()
        self._tx, self._head, self._versions, self._read = tx, head, versions, read

    def append(
        self, stream: str, expected_version: int, events: Sequence[Encoded], metadata: str, recorded_at: str
    ) -> tuple[StoredEvent, ...]:
        actual = self._versions[stream]
        if actual != expected_version:
            raise VersionConflict(stream, expected_version, actual)
        rows = tuple(chained(self._head, stream, actual, events, metadata, recorded_at))
        if rows:
            self.rows += rows
            self._head = replace(self._head, position=rows[-1].position, hash=rows[-1].hash)
            self._versions = self._versions | {stream: rows[-1].version}
        return rows

    def load(self, streams: Collection[str]) -> dict[str, tuple[StoredEvent, ...]]:
        found: dict[str, list[StoredEvent]] = {stream: [] for stream in streams}
        for row in (*self._read(self._tx, streams), *self.rows):
            if row.stream in found:
                found[row.stream].append(row)
        self._versions = self._versions | {stream: len(rows) for stream, rows in found.items()}
        return {stream: tuple(rows) for stream, rows in found.items()}

    @contextmanager
    def attempt(self) -> Iterator[None]:
        before = self.rows, self._head, self._versions
        try:
            with self._tx.begin_nested():
                yield
        except Exception:
            self.rows, self._head, self._versions = before
            raise


def _as_event(row: Row[Any]) -> StoredEvent:
    """By position, for the columns of `log_tables` are in the order of the fields: three times as fast as by name."""
    return StoredEvent(*tuple(row))
