"""Patrol of the rows that give or take power: looks at some a second, so that damage is found before it is asked for.

The first round goes as fast as it may, each later one takes ten minutes, of few rows less: what is read to be served is
checked anyhow. What is damaged is not served; auth's worker then follows the log anew, which makes every row again from
what keys signed.
"""

import structlog
from sqlalchemy import Column, Connection, select

from services.auth import tables
from services.auth.integrity.dead_secret_rows import damaged_dead_secrets
from services.auth.integrity.grant_rows import damaged_grants
from services.auth.integrity.tier_rows import damaged_tiers
from shared.observability.once_a_minute import OnceAMinute
from shared.sql.database import Database

# The most are some milliseconds of the one thread that all services share when embedded.
ROWS_LEAST, ROWS_MOST = 100, 1000
ROUND_LOOKS = 600  # one a second
RESTS_MOST = 9  # of a table with few rows: looks between two in which it is looked at
_log = structlog.get_logger(__name__)


class Patrol:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._grants, self._secrets = _Walk(tables.grant.c.key_id), _Walk(tables.dead_secret.c.digest)
        self._tiers = _Walk(tables.organisation_tier.c.organisation_id)
        self._walks = (self._grants, self._secrets, self._tiers)
        self._lines = OnceAMinute()

    def goes_on(self) -> bool:
        """As `is_sound`, where it is time for any of the tables. To be called once a second."""
        if all(walk.rests > 0 for walk in self._walks):
            for walk in self._walks:
                walk.rests -= 1
            return True
        return self.is_sound()

    def is_sound(self) -> bool:
        """Whether the next rows match their checksums; the first ones again after the last."""
        with self._database.reading() as tx:
            grants = damaged_grants(tx, self._grants.after, self._grants.rows)
            secrets = damaged_dead_secrets(tx, self._secrets.after, self._secrets.rows)
            tiers = damaged_tiers(tx, self._tiers.after, self._tiers.rows)
            if not (grants or secrets or tiers):
                for walk in self._walks:
                    walk.go_on(tx)
                return True
        for walk in self._walks:
            walk.rests = 0
        if (cases := self._lines.due()) is not None:
            named = {"grants": sorted(grants)[:10], "dead_secrets": len(secrets), "tiers": sorted(tiers)[:10]}
            _log.error("rows_damaged", **named, since_last_line=cases)
        return False


class _Walk:
    """Through a table by its primary key, over and over: the next `rows` after `after`."""

    def __init__(self, key: Column[str]) -> None:
        self.after, self.rows, self.rests = "", ROWS_MOST, 0
        self._key, self._seen, self._looks = key, 0, ROUND_LOOKS

    def go_on(self, tx: Connection) -> None:
        following = select(self._key).where(self._key > self.after).order_by(self._key)
        last = tx.execute(following.offset(self.rows - 1).limit(1)).scalar_one_or_none()
        self.after, self._seen = last or "", self._seen + self.rows
        if last is None:
            self.rows = min(max(ROWS_LEAST, self._seen // ROUND_LOOKS), ROWS_MOST)
            self._looks, self._seen = -(-self._seen // self.rows), 0
        self.rests = min(ROUND_LOOKS // self._looks - 1, RESTS_MOST)
