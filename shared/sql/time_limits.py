"""Time limits of PostgreSQL sessions: of a statement, a wait for a lock, a transaction in which nothing happens.

What passes one fails as a database does that is away: a request is answered 503 `unavailable`, and nothing of its
transaction is kept. Work that reads or writes everything lifts them for its own transaction; a question
that may be wide takes a shorter one, which SQLite knows, too.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import OperationalError


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimits:
    """`statement`: longer than any statement of a request takes, and less than proxies wait for an answer (60 s).

    `lock`: a lock is held for one short transaction. Only a rebuild holds one for longer, and those who wait for it
    must not use up the threads that answer others; on SQLite writers wait as long. `idle`: what is asked of others
    inside a transaction takes seconds at most, so one that stands still is a hanging process's, and holds its locks.
    """

    statement_seconds: float = 30
    lock_seconds: float = 10
    idle_seconds: float = 60

    def options(self) -> str:
        """For libpq's `options`."""
        return (
            f"-c statement_timeout={_milliseconds(self.statement_seconds)}"
            f" -c lock_timeout={_milliseconds(self.lock_seconds)}"
            f" -c idle_in_transaction_session_timeout={_milliseconds(self.idle_seconds)}"
        )


LIMITS_DEFAULT = TimeLimits()
LIFTED = (
    "SELECT set_config(name, '0', true)"
    " FROM unnest(ARRAY['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']) AS name"
)

_IDLE_IN_TRANSACTION, _CANCELED = "25P03", "57014"
_STEPS_BETWEEN_LOOKS = 10_000  # of SQLite's virtual machine: a fraction of a millisecond


class TookTooLong(Exception):
    """A statement took longer than its question may. The text says so to who asked."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it takes more than {seconds:g} s to read: ask for a shorter range")


@contextmanager
def at_most(tx: Connection, seconds: float) -> Iterator[None]:
    """Within, each statement of a transaction that reads ends by then. Raises TookTooLong."""
    deadline = time.monotonic() + seconds
    driver = tx.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        driver.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS)
    else:
        tx.execute(text(f"SET LOCAL statement_timeout = {max(1, _milliseconds(seconds))}"))
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == _CANCELED or str(error.orig) == "interrupted":
            raise TookTooLong(seconds) from None
        raise
    finally:
        if isinstance(driver, sqlite3.Connection):
            driver.set_progress_handler(None, 0)


def tell_as_away(context: ExceptionContext) -> OperationalError | None:
    """Listener for `handle_error`: an idle session's end, to psycopg an internal error, is a lost connection."""
    ended = context.original_exception
    if getattr(ended, "sqlstate", None) != _IDLE_IN_TRANSACTION:
        return None
    return OperationalError(context.statement, None, ended, hide_parameters=True, connection_invalidated=True)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
