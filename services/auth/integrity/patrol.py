"""Patrol of the rows that give or take power: looks at some a second, so that damage is found before it is asked for.

What is damaged is not served; auth's worker then follows the log anew, which makes every row again from what keys
signed.
"""

import structlog
from sqlalchemy import Column, Connection, select

from services.auth import tables
from services.auth.integrity.dead_secret_rows import damaged_dead_secrets
from services.auth.integrity.grant_rows import damaged_grants
from shared.observability.once_a_minute import OnceAMinute
from shared.sql.database import Database

# Some milliseconds of the one thread that all services share when embedded.
_ROWS_AT_ONCE = 1000
_log = structlog.get_logger(__name__)


class Patrol:
    def __init__(self, database: Database) -> None:
        self._database, self._after_grant, self._after_secret = database, "", ""
        self._lines = OnceAMinute()

    def is_sound(self) -> bool:
        """Whether the next rows match their checksums; the first ones again after the last."""
        with self._database.reading() as tx:
            grants = damaged_grants(tx, self._after_grant, _ROWS_AT_ONCE)
            secrets = damaged_dead_secrets(tx, self._after_secret, _ROWS_AT_ONCE)
            if not grants and not secrets:
                self._after_grant = _last(tx, tables.grant.c.key_id, self._after_grant)
                self._after_secret = _last(tx, tables.dead_secret.c.digest, self._after_secret)
                return True
        if (cases := self._lines.due()) is not None:
            _log.error("rows_damaged", grants=sorted(grants)[:10], dead_secrets=len(secrets), since_last_line=cases)
        return False


def _last(tx: Connection, column: Column[str], after: str) -> str:
    """The last of the next rows; "" where there are no more."""
    query = select(column).where(column > after).order_by(column).offset(_ROWS_AT_ONCE - 1).limit(1)
    return tx.execute(query).scalar_one_or_none() or ""
