"""Hourly baseline: how many requests a key usually makes in an hour, for the volume rule.

It is a mean over a week, so losing a minute of it in a crash does no harm.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete

from services.usage.alerting import tables
from services.usage.alerting.evaluation.measurement_queries import BASELINE_HOURS
from services.usage.alerting.evaluation.observation import Observation
from services.usage.bulk_upsert import HALF_AN_INTEGER, add_to
from shared.sql.database import Database
from shared.values.timestamps import HOUR_US, to_microseconds

KEPT_EVERY = timedelta(minutes=1)


class HourlyBaseline:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._requests: Counter[tuple[str, int]] = Counter()
        self._kept_at: datetime | None = None

    def note(self, observations: Iterable[Observation]) -> None:
        """Adds to the sums in memory, which `keep` stores."""
        for observation in observations:
            self._requests[observation.key_id, observation.minute // 60] += observation.requests

    def keep(self, now: datetime, trusted_now: datetime) -> None:
        """Stores what was noted since the last time, at most once a minute; deletes hours older than the week."""
        if self._kept_at is not None and abs(now - self._kept_at) < KEPT_EVERY:
            return
        noted, self._requests, self._kept_at = self._requests, Counter(), now
        table = tables.key_hour
        oldest = to_microseconds(trusted_now) // HOUR_US - BASELINE_HOURS - 1
        rows = [(*place, min(count, HALF_AN_INTEGER)) for place, count in sorted(noted.items())]
        with self._database.transaction() as tx:
            tx.execute(delete(table).where(table.c.hour < oldest))
            add_to(tx, table, ("key_id", "hour", "requests"), rows, HALF_AN_INTEGER)
