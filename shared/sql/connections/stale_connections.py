"""Pool pre-ping for idle connections only: one that has died is replaced before it is used.

To ping at each use, as SQLAlchemy's own pre-ping does, costs one more round trip for every statement.
"""

import functools
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

PING_SECONDS = 1.0


def ping_when_rested(engine: Engine) -> None:
    """Pings a connection at checkout if it was idle for PING_SECONDS."""
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", functools.partial(_ping_if_rested, engine.dialect))


def _note_use(_connection: object, record: Any) -> None:
    record.info["used_at"] = time.monotonic()


def _ping_if_rested(dialect: Any, connection: Any, record: Any, _proxy: object) -> None:
    used_at = record.info.get("used_at")
    if used_at is None or time.monotonic() - used_at < PING_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error
