"""Parked events (dead letters) of a follower: those that failed to apply, and later ones of their streams."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Table, and_, delete, func, insert, select, true, update

from shared.contracts.envelope import CloudEvent, from_json
from shared.runtime.clock import Clock
from shared.sql.clocks.due import is_due
from shared.values.timestamps import rfc3339

ATTEMPTS_MAX = 8
_FIRST_DELAY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedEvent:
    """An event that is not applied yet. `retry_at` None: it waits for another, or for a person to replay it."""

    position: int
    stream: str
    type: str
    attempts: int
    error: str
    retry_at: str | None


class ParkedEvents:
    """The parked events of one follower, in its service's database. Methods work in the transaction given."""

    def __init__(self, follower: str, table: Table, clock: Clock) -> None:
        self._follower, self._table, self._clock = follower, table, clock
        self._is_mine = table.c.follower == follower
        stream = table.c.stream  # made once: a follower counts each second
        self._count = select(func.count(), func.count(stream.distinct())).where(self._is_mine)

    def park(self, tx: Connection, event: CloudEvent, error: str) -> None:
        """Parks an event whose first attempt failed."""
        self._insert(tx, event, error=error, attempts=1, retry_at=self._due(attempts=1))

    def park_behind(self, tx: Connection, event: CloudEvent) -> None:
        self._insert(tx, event, error="waits behind an earlier event of its stream", attempts=0, retry_at=None)

    def failed_again(self, tx: Connection, position: int, attempts: int, error: str) -> None:
        retry_at = None if attempts >= ATTEMPTS_MAX else self._due(attempts)
        values = {"attempts": attempts, "error": error, "retry_at": retry_at}
        tx.execute(update(self._table).where(self._is_mine, self._table.c.position == position).values(values))

    def remove(self, tx: Connection, position: int) -> None:
        tx.execute(delete(self._table).where(self._is_mine, self._table.c.position == position))

    def forget(self, tx: Connection) -> None:
        tx.execute(delete(self._table).where(self._is_mine))

    def streams(self, tx: Connection, *, due_only: bool = False) -> set[str]:
        stream, retry_at = self._table.c.stream, self._table.c.retry_at
        is_wanted = and_(
            self._is_mine, is_due(retry_at, self._clock.now(), _delay(ATTEMPTS_MAX), rfc3339) if due_only else true()
        )
        return set(tx.execute(select(stream).where(is_wanted).distinct()).scalars())

    def of_stream(self, tx: Connection, stream: str) -> list[tuple[int, int, CloudEvent]]:
        """(position, attempts, event) of each, in order."""
        rows = self._rows(tx, self._table.c.stream == stream)
        return [(row.position, row.attempts, _event(row)) for row in rows]

    def all(self, tx: Connection) -> tuple[ParkedEvent, ...]:
        return tuple(
            ParkedEvent(
                position=row.position,
                stream=row.stream,
                type=_event(row).type,
                attempts=row.attempts,
                error=row.error,
                retry_at=row.retry_at,
            )
            for row in self._rows(tx)
        )

    def count(self, tx: Connection) -> tuple[int, int]:
        """(events, streams)."""
        events, streams = tx.execute(self._count).one()
        return events, streams

    def _rows(self, tx: Connection, *conditions: ColumnElement[bool]) -> list[Row[Any]]:
        query = select(self._table).where(self._is_mine, *conditions)
        return list(tx.execute(query.order_by(self._table.c.position)))

    def _insert(self, tx: Connection, event: CloudEvent, *, error: str, attempts: int, retry_at: str | None) -> None:
        tx.execute(
            insert(self._table).values(
                follower=self._follower,
                position=event.position,
                stream=event.subject,
                envelope=msgspec.json.encode(event).decode(),
                attempts=attempts,
                retry_at=retry_at,
                error=error,
            )
        )

    def _due(self, attempts: int) -> str:
        """Retry with backoff, 1 s, 2 s, 4 s …: about two minutes in all before a person is needed."""
        return rfc3339(self._clock.now() + _delay(attempts))


def _delay(attempts: int) -> timedelta:
    return timedelta(seconds=_FIRST_DELAY_SECONDS * 2 ** (attempts - 1))


def _event(row: Row[Any]) -> CloudEvent:
    return from_json(msgspec.json.decode(row.envelope))
