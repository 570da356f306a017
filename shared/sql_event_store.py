"""The log in SQL, the same statements on SQLite and PostgreSQL."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from msgspec.structs import asdict, replace
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import InterfaceError, OperationalError

from shared.database import Database
from shared.event_store import Appender, Head, StoredEvent, VersionConflict, chained, genesis_hash
from shared.events import Encoded


def log_tables(metadata: MetaData) -> tuple[Table, Table]:
    """Declares `log` and `log_head` among a service's tables."""
    log = Table(
        "log",
        metadata,
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("stream", String(64), nullable=False),
        Column("version", Integer, nullable=False),
        Column("type", String(64), nullable=False),
        Column("schema_version", Integer, nullable=False),
        Column("data", Text, nullable=False),
        Column("metadata", Text, nullable=False),
        Column("recorded_at", String(27), nullable=False),
        Column("hash", String(64), nullable=False),
        UniqueConstraint("stream", "version", name="log_stream_version"),
    )
    head = Table(
        "log_head",
        metadata,
        Column("epoch", String(32), primary_key=True),
        Column("position", BigInteger, nullable=False),
        Column("hash", String(64), nullable=False),
    )
    return log, head


class SqlEventStore:
    # SQLite, for one, answers a full disk by rolling back all of the transaction, savepoint or not.
    faults: tuple[type[Exception], ...] = (OperationalError, InterfaceError)

    def __init__(self, database: Database, metadata: MetaData) -> None:
        self._database = database
        self._log = log = metadata.tables["log"]
        self._head = head = metadata.tables["log_head"]
        # Made once: to build a statement takes longer than to run it.
        at = log.c.position == bindparam("at")
        self._select_stream = select(log).where(log.c.stream == bindparam("of")).order_by(log.c.version)
        is_wanted = log.c.stream.in_(bindparam("streams", expanding=True))
        self._select_versions = select(log.c.stream, func.max(log.c.version)).where(is_wanted).group_by(log.c.stream)
        self._select_head_and_hash = select(head, select(log.c.hash).where(at).scalar_subquery().label("hash_there"))
        self._lock_head = select(head).with_for_update()
        self._insert_rows = insert(log)
        self._move_head = update(head).values(position=bindparam("to_position"), hash=bindparam("to_hash"))

    def transaction(self) -> AbstractContextManager[Connection]:
        return self._database.transaction()

    def reading(self, *, once: bool = False) -> AbstractContextManager[Connection]:
        return self._database.reading(once=once)

    @contextmanager
    def appending(self, tx: Connection, streams: Collection[str]) -> Iterator[Appender]:
        head = self._locked_head(tx)
        versions = {row[0]: row[1] for row in tx.execute(self._select_versions, {"streams": tuple(streams)})}
        appender = _SqlAppender(tx, head, dict.fromkeys(streams, 0) | versions)
        yield appender
        if rows := appender.rows:
            tx.execute(self._insert_rows, list(map(asdict, rows)))
            tx.execute(self._move_head, {"to_position": rows[-1].position, "to_hash": rows[-1].hash})

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
        return tuple(map(_as_event, tx.execute(self._select_stream, {"of": stream})))

    def after(self, tx: Connection, position: int, limit: int) -> tuple[StoredEvent, ...]:
        log = self._log
        rows = tx.execute(select(log).where(log.c.position > position).order_by(log.c.position).limit(limit))
        return tuple(map(_as_event, rows))

    def hash_at(self, tx: Connection, position: int) -> str | None:
        if position == 0:
            return genesis_hash(self.head(tx).epoch)
        log = self._log
        return tx.execute(select(log.c.hash).where(log.c.position == position)).scalar_one_or_none()

    def head_and_hash(self, tx: Connection, position: int) -> tuple[Head, str | None]:
        """Both by one statement: what every pull asks."""
        row = tx.execute(self._select_head_and_hash, {"at": position}).one()
        head = Head(epoch=row.epoch, position=row.position, hash=row.hash)
        return head, row.hash_there if position else genesis_hash(row.epoch)

    def head(self, tx: Connection) -> Head:
        row = tx.execute(select(self._head)).one()
        return Head(epoch=row.epoch, position=row.position, hash=row.hash)

    def _locked_head(self, tx: Connection) -> Head:
        row = tx.execute(self._lock_head).one()
        return Head(epoch=row.epoch, position=row.position, hash=row.hash)


class _SqlAppender:
    """Chains in memory; the rows go to the log all at once, in the end: every statement less is a shorter lock."""

    def __init__(self, tx: Connection, head: Head, versions: dict[str, int]) -> None:
        self.rows: tuple[StoredEvent, ...] = ()
        self._tx, self._head, self._versions = tx, head, versions

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
    """The columns of `log_tables` stand in the order of the fields; to go by their names takes three times as long."""
    return StoredEvent(*tuple(row))
