"""Patrol of the grants: looks at some rows a second, so that a damaged one is found before anybody asks for it.

What is found is not served; auth's worker then follows the log anew, which makes every row again from what keys signed.
"""

import structlog

from services.auth.grants import damaged_grants, grants_after
from shared.observability.once_a_minute import OnceAMinute
from shared.sql.database import Database

# Some milliseconds of the one thread that all services share when embedded.
_ROWS_AT_ONCE = 1000
_log = structlog.get_logger(__name__)


class GrantPatrol:
    def __init__(self, database: Database) -> None:
        self._database, self._after = database, ""
        self._lines = OnceAMinute()

    def is_sound(self) -> bool:
        """Whether the next rows match their checksums; the first ones again after the last."""
        with self._database.reading() as tx:
            damaged = damaged_grants(tx, self._after, _ROWS_AT_ONCE)
            if not damaged:
                self._after = grants_after(tx, self._after, _ROWS_AT_ONCE)
        if damaged and (cases := self._lines.due()) is not None:
            _log.error("grants_damaged", keys=sorted(damaged)[:10], found=len(damaged), since_last_line=cases)
        return not damaged
