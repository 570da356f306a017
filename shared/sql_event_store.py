"""The log in SQL, the same statements on SQLite and PostgreSQL."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

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
    func,
    insert,
    select,
    update,
)

from shared.database import Database
from shared.event_store import Head, StoredEvent, VersionConflict, chained, genesis_hash
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
    def __init__(self, database: Database, metadata: MetaData) -> None:
        self._database = database
        self._log = metadata.tables["log"]
        self._head = metadata.tables["log_head"]

    def transaction(self) -> AbstractContextManager[Connection]:
        return self._database.transaction()

    def reading(self) -> AbstractContextManager[Connection]:
        return self._database.reading()

    def append(
        self,
        tx: Connection,
        stream: str,
        expected_version: int,
        events: Sequence[Encoded],
        metadata: str,
        recorded_at: str,
    ) -> tuple[StoredEvent, ...]:
        head = self._locked_head(tx)
        log = self._log
        actual = tx.execute(select(func.max(log.c.version)).where(log.c.stream == stream)).scalar_one() or 0
        if actual != expected_version:
            raise VersionConflict(stream, expected_version, actual)
        rows = tuple(chained(head, stream, actual, events, metadata, recorded_at))
        if rows:
            tx.execute(insert(log), [_as_values(row) for row in rows])
            tx.execute(update(self._head).values(position=rows[-1].position, hash=rows[-1].hash))
        return rows

    def stream(self, tx: Connection, stream: str) -> tuple[StoredEvent, ...]:
        log = self._log
        rows = tx.execute(select(log).where(log.c.stream == stream).order_by(log.c.version))
        return tuple(map(_as_event, rows))

    def after(self, tx: Connection, position: int, limit: int) -> tuple[StoredEvent, ...]:
        log = self._log
        rows = tx.execute(select(log).where(log.c.position > position).order_by(log.c.position).limit(limit))
        return tuple(map(_as_event, rows))

    def hash_at(self, tx: Connection, position: int) -> str | None:
        if position == 0:
            return genesis_hash(self.head(tx).epoch)
        log = self._log
        return tx.execute(select(log.c.hash).where(log.c.position == position)).scalar_one_or_none()

    def head(self, tx: Connection) -> Head:
        row = tx.execute(select(self._head)).one()
        return Head(epoch=row.epoch, position=row.position, hash=row.hash)

    def _locked_head(self, tx: Connection) -> Head:
        row = tx.execute(select(self._head).with_for_update()).one()
        return Head(epoch=row.epoch, position=row.position, hash=row.hash)


def _as_values(event: StoredEvent) -> dict[str, object]:
    return {name: getattr(event, name) for name in StoredEvent.__slots__}


def _as_event(row: Row[tuple[object, ...]]) -> StoredEvent:
    return StoredEvent(**row._mapping)
