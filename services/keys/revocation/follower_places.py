"""Places of followers, as keys remembers them: the newest signed head that each has said it holds on its disk.

So a follower's database that was put back, or lost what it had committed, is told from one that merely lags: it does
not know any more what it had told. What lies between is gone from it, and stays written here until that is accepted.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import Connection, delete, inspect, select, update

from services.keys import tables
from shared.replication.feed import HeldHead
from shared.sql.database import Database, upsert
from shared.values.timestamps import from_rfc3339, rfc3339

# Those that services of this release go by; a row for each at most.
FOLLOWERS = frozenset({"auth.grants", "usage.known_keys"})
_LATE_MAX = timedelta(minutes=10)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowerPlace:
    """`signed_at`: RFC 3339, by the clock of keys when it signed the head. `lost`: from when to when, if put back."""

    follower: str
    position: int
    signed_at: str
    lost: tuple[str, str] | None


class FollowerPlaces:
    """Remembers services' followers. Gates hold nothing on disk, so nothing is remembered of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, str] = {}

    def hear(self, held: HeldHead, account: str | None) -> None:
        """`account`: who says so, as its credentials tell; None: it has none of its own. The head is proved."""
        follower, signed_at = held.follower, held.head.signed_at
        is_its_own = follower in FOLLOWERS and account in (None, follower.partition(".")[0])
        if not is_its_own or self._known.get(follower) == signed_at:
            return
        with self._database.transaction() as tx:
            _remember(tx, held)
            _note_a_loss(tx, held)
        self._known[follower] = signed_at


def read_follower_places(tx: Connection) -> dict[str, FollowerPlace]:
    """By follower. None of a database that no release with them has opened yet."""
    table = tables.follower_place
    if not inspect(tx).has_table(table.name):
        return {}
    return {
        row.follower: FollowerPlace(
            follower=row.follower,
            position=row.position,
            signed_at=row.signed_at,
            lost=None if row.lost_until is None else (row.lost_from, row.lost_until),
        )
        for row in tx.execute(select(table).order_by(table.c.follower))
    }


def forget_follower_places(tx: Connection, followers: Collection[str] = FOLLOWERS) -> None:
    """What was lost is accepted: from now on what the followers say that they hold counts."""
    table = tables.follower_place
    tx.execute(delete(table).where(table.c.follower.in_(followers)))


def _remember(tx: Connection, held: HeldHead) -> None:
    """Never backwards: another process may know of a later one."""
    table, head = tables.follower_place, held.head
    statement = upsert(tx, table)
    place = {name: statement.excluded[name] for name in ("position", "signed_at")}
    is_later = table.c.signed_at < statement.excluded.signed_at
    row = {"follower": held.follower, "position": head.position, "signed_at": head.signed_at}
    tx.execute(statement.on_conflict_do_update(index_elements=["follower"], set_=place, where=is_later), row)


def _note_a_loss(tx: Connection, held: HeldHead) -> None:
    """The first one stays, at its widest. A pull that was merely late names a head of minutes ago, not of more."""
    table, signed_at = tables.follower_place, held.head.signed_at
    late = rfc3339(from_rfc3339(signed_at) + _LATE_MAX)
    is_older = (table.c.follower == held.follower) & (table.c.signed_at > late) & table.c.lost_until.is_(None)
    noted = tx.execute(update(table).where(is_older).values(lost_from=signed_at, lost_until=table.c.signed_at))
    if noted.rowcount:
        _log.error("follower_put_back", follower=held.follower, since=signed_at)
