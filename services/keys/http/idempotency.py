"""Creations that callers may repeat: one Idempotency-Key of one credential makes one key, for a day.

The row is written in the transaction of the creation, so it stands or falls with the key, whichever process or restart
the repetition meets. The secret is not kept: a repetition is answered without it.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from services.keys import tables
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.timestamps import rfc3339

KEPT = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """`credential`: the id of the key that asks. `body_digest`: SHA-256 of what it asks, hexadecimal."""

    credential: str
    idempotency_key: str
    body_digest: str


class StillRunning(Exception):
    """The first request with this Idempotency-Key has not been answered yet."""


class BodyDiffers(Exception):
    """This Idempotency-Key came with another body before."""


class Taken(Exception):
    """Another process was faster: what it made is there to be found."""


def digest_of(body: object) -> str:
    return hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()


class Idempotency:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._running: set[tuple[str, str]] = set()

    @contextmanager
    def running(self, attempt: Attempt) -> Iterator[None]:
        """One at a time in this process. Raises StillRunning."""
        running_key = (attempt.credential, attempt.idempotency_key)
        if running_key in self._running:
            raise StillRunning
        self._running.add(running_key)
        try:
            yield
        finally:
            self._running.discard(running_key)

    def find(self, attempt: Attempt) -> str | None:
        """The id of the key that was made; None: none was. Raises BodyDiffers."""
        table = tables.idempotency
        query = select(table.c.key_id, table.c.body_digest).where(
            table.c.credential == attempt.credential,
            table.c.idempotency_key == attempt.idempotency_key,
            table.c.created_at > self._oldest_kept(),
        )
        with self._database.reading(once=True) as tx:
            row = tx.execute(query).one_or_none()
        if row is None:
            return None
        if row.body_digest != attempt.body_digest:
            raise BodyDiffers
        return str(row.key_id)

    def keep(self, attempt: Attempt, tx: Connection, key_id: str) -> None:
        """Raises Taken."""
        self._drop_old(tx)
        values = {"key_id": key_id, "created_at": rfc3339(self._clock.now())}
        try:
            tx.execute(
                insert(tables.idempotency).values(
                    credential=attempt.credential,
                    idempotency_key=attempt.idempotency_key,
                    body_digest=attempt.body_digest,
                    **values,
                )
            )
        except IntegrityError:
            raise Taken from None

    def _drop_old(self, tx: Connection) -> None:
        table = tables.idempotency
        tx.execute(delete(table).where(table.c.created_at <= self._oldest_kept()))

    def _oldest_kept(self) -> str:
        return rfc3339(self._clock.now() - KEPT)
