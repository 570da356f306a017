"""SQLite files: private, in WAL mode, with transactions that this module begins. Listeners of SQLAlchemy's events."""

import contextlib
import os
import sqlite3
import time
from typing import Any

from sqlalchemy import Connection

WRITE_WAIT_SECONDS_MAX = 10.0
RETRY_SECONDS = 0.002


def create_private(_dialect: object, _record: object, arguments: list[Any], _options: object) -> None:
    """Creates a missing database file readable by its owner alone; SQLite gives its journals the same mode.

    An existing file is not opened: closing it again would drop this process's locks on it (POSIX).
    """
    with contextlib.suppress(OSError):
        os.close(os.open(arguments[0], os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we issue BEGIN ourselves: IMMEDIATE for writers
    # Bytes that are not UTF-8, which only tampering leaves, can be read as well: so an audit can name their row.
    connection.text_factory = _read
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _read(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")  # half of what str(text, encoding=…, errors=…) takes


def enter_wal(connection: Any, _record: object) -> None:
    """Switches to WAL. Retries while another process has the file locked: its first or last user, or in recovery."""
    connection.isolation_level = None
    cursor, deadline = connection.cursor(), time.monotonic() + WRITE_WAIT_SECONDS_MAX
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not is_locked(error) or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            cursor.close()
            return


def is_locked(error: BaseException | None) -> bool:
    return "locked" in str(error)


def begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("grillo_writes", False):
        if not options.get("grillo_once", False):  # a statement by itself is a snapshot, and BEGIN takes as long
            connection.exec_driver_sql("BEGIN")
        return
    level = "FULL" if options["grillo_durable"] else "NORMAL"
    if connection.info.get("synchronous") != level:
        connection.exec_driver_sql(f"PRAGMA synchronous={level}")
        connection.info["synchronous"] = level
    connection.exec_driver_sql("BEGIN IMMEDIATE")
