"""Idempotency keys: repeated with the same Idempotency-Key within a day, a creation makes no second key.

The row is written in the transaction of the creation, so it stands or falls with the key, whichever process answers
the repetition, also after a restart. The secret is not kept: a repetition is answered without it.
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
    """`credential`: the id of the calling key. `body_digest`: SHA-256 of the body, hexadecimal."""

    credential: str
    idempotency_key: str
    body_digest: str


class StillRunning(Exception):
    """The first request with this Idempotency-Key has not been answered yet."""

    def __init__(self) -> None:
        super().__init__("the first request with this Idempotency-Key is still running: repeat this one in a moment")


class BodyDiffers(Exception):
    """This Idempotency-Key came with another body before."""


class Taken(Exception):
    """Another process created a key with this Idempotency-Key first; `find` gives its id."""


def digest_of(body: object) -> str:
    return hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()


class Idempotency:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._running: set[tuple[str, str]] = set()

    @contextmanager
    def running(self, attempt: Attempt) -> Iterator[None]:
        """Allows one request of this attempt at a time in this process. Raises StillRunning."""
        running_key = (attempt.credential, attempt.idempotency_key)
        if running_key in self._running:
            raise StillRunning
        self._running.add(running_key)
        try:
            yield
        finally:
            self._running.discard(running_key)

    def find(self, attempt: Attempt) -> str | None:
        """The id of the key that this attempt created; None: none yet. Raises BodyDiffers."""
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
        """Records the key that was created, in its transaction. Raises Taken."""
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
