"""Idempotency keys: what was asked with an Idempotency-Key is done once in a day, however often it is asked.

The row is written in the transaction of the change, so it stands or falls with it, whichever process answers the
repetition, also after a restart. Of what was answered only the id of what was changed is kept, and no secret.
"""

import functools
import hashlib
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError

from shared.observability.redaction import redact
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.sql.idempotency_table import Keep
from shared.values.revision import RevisionDiffers
from shared.values.timestamps import rfc3339
from shared.web.problems.catalogue import Problem
from shared.web.route import Route

FORM = "must be 1 to 255 printable ASCII characters without spaces, and no API key"
OTHER_BODY = "this Idempotency-Key came with another body before"
KEPT = timedelta(hours=24)
Done = TypeVar("Done")
_GIVEN = re.compile(r"[!-~]{1,255}")


class Attempt(msgspec.Struct, frozen=True):
    """`id`: digest of who asks for what (credential, method, path) with which key. `body_digest`: of query and body."""

    id: str
    body_digest: str


class Taken(Exception):
    """Another request with this Idempotency-Key came first; nothing of this one is kept."""


def attempt_of(given: str, credential: str, method: str, path: str, asked: Any) -> Attempt:
    """`given`: the header. `credential`: the id of the calling key. `asked`: query and body. Raises Problem."""
    if not _GIVEN.fullmatch(given) or redact(given) != given:
        raise Problem(
            "invalid-request",
            f"Idempotency-Key: {FORM}",
        )
    return Attempt(_digest((credential, method, path, given)), _digest(asked))


class Idempotency:
    def __init__(self, database: Database, table: Table, clock: Clock) -> None:
        self._database, self._table, self._clock = database, table, clock
        self._running: set[str] = set()

    def serves(self, routes: Iterable[Route]) -> list[Route]:
        """The same routes, whose operations find this store at their resource (shared/web/operation.py)."""
        served = list(routes)
        for route in served:
            route.resource.idempotency = self  # type: ignore[attr-defined]  # any class of resource
        return served

    def once(self, attempt: Attempt, change: Callable[[Keep], Done], repeat: Callable[[str], Done]) -> Done:
        """What `change` answers, or, if it was done before, `repeat`, which is given the subject. Raises Problem.

        One request of an attempt at a time in this process; between processes the table's primary key decides.
        """
        if attempt.id in self._running:
            raise _still_running()
        self._running.add(attempt.id)
        try:
            subject = self.find(attempt)
            if subject is None:
                try:
                    return change(functools.partial(self.keep, attempt))
                except (Taken, Problem, RevisionDiffers) as refusal:
                    # The change that this one is refused for may have been the first of the two.
                    subject = self.find(attempt)
                    if subject is None:
                        raise (_still_running() if isinstance(refusal, Taken) else refusal) from None
            return repeat(subject)
        finally:
            self._running.discard(attempt.id)

    def find(self, attempt: Attempt) -> str | None:
        """The subject of the change that this attempt made; None: none yet. Raises Problem if its body was another."""
        table = self._table
        query = select(table.c.subject, table.c.body_digest).where(
            table.c.attempt == attempt.id, table.c.created_at > self._oldest_kept()
        )
        with self._database.reading(once=True) as tx:
            row = tx.execute(query).one_or_none()
        if row is None:
            return None
        if row.body_digest != attempt.body_digest:
            errors = {"": [OTHER_BODY]}
            raise Problem("invalid-body", members={"errors": errors})
        return str(row.subject)

    def keep(self, attempt: Attempt, tx: Connection, subject: str) -> None:
        """Records the change in its transaction. Raises Taken."""
        table = self._table
        tx.execute(delete(table).where(table.c.created_at <= self._oldest_kept()))
        values = {"attempt": attempt.id, "body_digest": attempt.body_digest, "subject": subject}
        try:
            # The later of both: a clock that was set back would have it forgotten once it is right.
            created_at = max(self._clock.now(), self._clock.trusted_now())
            tx.execute(insert(table).values(**values, created_at=rfc3339(created_at)))
        except IntegrityError:
            raise Taken from None

    def _oldest_kept(self) -> str:
        """While the clock is in doubt nothing is forgotten: what was asked before it was set is not done again."""
        return rfc3339(self._clock.trusted_now() - KEPT)


def _still_running() -> Problem:
    detail = "the first request with this Idempotency-Key is still running: repeat this one in a moment"
    return Problem("conflict", detail)


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()
