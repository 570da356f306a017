"""Expiry sweep: finds the keys that may have to expire or be warned of, and executes what lifecycle/expiry.py decides.

Run by a timer, in any number of processes: each warning and each expiry is recorded once.
"""

import functools
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, or_, select

from services.keys import tables
from services.keys.events import KeyEvent
from services.keys.lifecycle.expiry import UNUSED_WARNING_DAYS, WARNING_DAYS, Use, age
from services.keys.lifecycle.key import Key
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.timestamps import from_rfc3339, rfc3339

_ORIGIN = Origin(actor="the clock")


class ExpirySweep:
    def __init__(self, database: Database, keys: Repository[Key | None, KeyEvent, Connection], clock: Clock) -> None:
        self._database, self._keys, self._clock = database, keys, clock

    def run(self) -> int:
        """How many keys were warned of or expired. Safe to run anywhere, any number of times."""
        now, changed = self._clock.now(), 0
        for key_id, use in list(self._candidates(now)):
            decide = functools.partial(age, use=use, now=now)
            changed += bool(self._keys.execute(key_id, decide, _ORIGIN).rows)
        self._database.finish_forgetting()
        return changed

    def _candidates(self, now: datetime) -> Iterator[tuple[str, Use]]:
        """Keys, not revoked or expired, that may be due by their rows; the fold of their events decides."""
        key, organisation = tables.api_key, tables.organisation
        with self._database.reading() as tx:
            known_until = tx.execute(select(func.max(key.c.last_used_at))).scalar_one()
            setting = select(organisation).where(organisation.c.unused_expiry_days.is_not(None))
            days: dict[str, int] = {row.id: row.unused_expiry_days for row in tx.execute(setting)}
            soon = rfc3339(now + timedelta(days=max(WARNING_DAYS)))
            is_due = key.c.expires_at <= soon
            for organisation_id, unused_days in days.items():
                horizon = rfc3339(now - timedelta(days=unused_days - UNUSED_WARNING_DAYS))
                is_idle = func.coalesce(key.c.last_used_at, key.c.created_at) <= horizon
                is_due = or_(is_due, and_(key.c.organisation_id == organisation_id, is_idle))
            not_ended = (key.c.revoked_at.is_(None), key.c.expired_at.is_(None))
            rows = tx.execute(
                select(key.c.id, key.c.organisation_id, key.c.last_used_at).where(*not_ended, is_due)
            ).all()
        for row in rows:
            yield (
                row.id,
                Use(
                    last_used_at=row.last_used_at and from_rfc3339(row.last_used_at),
                    known_until=known_until and from_rfc3339(known_until),
                    unused_expiry_days=days.get(row.organisation_id),
                ),
            )
