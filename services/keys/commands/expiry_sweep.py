"""Expiry sweep: finds the keys that may have to expire or be warned of, and executes what lifecycle/expiry.py decides.

Run by a timer, in any number of processes: each warning and each expiry is recorded once.
"""

import functools
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, and_, func, or_, select

from services.keys import tables
from services.keys.commands.checks import check_last_admin_key
from services.keys.events import KeyEvent
from services.keys.lifecycle.expiry import WARNING_DAYS, Use, age, idle_until_warned
from services.keys.lifecycle.key import Key
from services.keys.lifecycle.lock_out import LockOut
from shared.eventsourcing.epochs import LogDiverged
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository
from shared.observability import metrics
from shared.observability.once_a_minute import OnceAMinute
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.timestamps import from_rfc3339, rfc3339

_ORIGIN = Origin(actor="the clock")
_log = structlog.get_logger(__name__)


class ExpirySweep:
    def __init__(self, database: Database, keys: Repository[Key | None, KeyEvent, Connection], clock: Clock) -> None:
        self._database, self._keys, self._clock = database, keys, clock
        self._told = OnceAMinute(clock.elapsed_seconds)

    def run(self) -> int:
        """How many keys were warned of or expired. Safe to run anywhere, any number of times.

        The last usable admin key of an organisation does not expire for want of use.
        """
        now, changed = self._clock.trusted_now(), 0
        for key_id, use in list(self._candidates(now)):
            try:
                changed += self._age(key_id, use, now)
            except LockOut:
                self._tell_skipped(key_id)
                changed += self._age(key_id, replace(use, unused_expiry_days=None), now)
            except LogDiverged:
                return changed  # nothing expires by a log that was put back; pulls tell followers so
        self._database.finish_forgetting()
        return changed

    def _age(self, key_id: str, use: Use, now: datetime) -> bool:
        decide = functools.partial(age, use=use, now=now)
        return bool(self._keys.execute(key_id, decide, _ORIGIN, check=self._check).rows)

    def _check(self, before: Key | None, after: Key | None, tx: Connection) -> None:
        check_last_admin_key(before, after, self._clock.now(), tx)

    def _tell_skipped(self, key_id: str) -> None:
        metrics.expiries_skipped.inc()
        if cases := self._told.due():
            _log.warning("last_admin_key_not_expired", key_id=key_id, cases=cases)

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
                horizon = rfc3339(now - idle_until_warned(unused_days))
                is_idle = func.coalesce(key.c.last_used_at, key.c.created_at) <= horizon
                is_due = or_(is_due, and_(key.c.organisation_id == organisation_id, is_idle))
            not_ended = (key.c.revoked_at.is_(None), key.c.expired_at.is_(None))
            rows = tx.execute(
                select(key.c.id, key.c.organisation_id, key.c.last_used_at)
                .where(*not_ended, is_due)
                # Of an organisation's admin keys the one that was used last is the last to expire, and so stays.
                .order_by(func.coalesce(key.c.last_used_at, key.c.created_at), key.c.id)
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
