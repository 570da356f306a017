"""Preview of a lock-out: whether ending a key would leave its organisation without a usable admin key, told before.

What is committed is judged by checks.py, under the log's lock; here nobody waits for it.
"""

from services.keys.commands.checks import has_usable_admin_key
from services.keys.lifecycle.key import Status
from services.keys.views.queries import KeyView
from shared.runtime.clock import Clock
from shared.sql.database import Database


class LockOutPreview:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def is_last_admin_key(self, key: KeyView) -> bool:
        if "admin" not in key.permissions or key.status is not Status.ACTIVE:
            return False
        with self._database.reading() as tx:
            return not has_usable_admin_key(tx, key.organisation_id, self._clock.now(), without=key.id)
