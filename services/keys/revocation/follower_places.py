"""Places of followers, as keys remembers them: the newest signed head that each has said it holds on its disk.

So a follower's database that was put back, or lost what it had committed, is told from one that merely lags: it does
not know any more what it had told, and says so (shared/replication/heads/held_heads.py). What lies between is gone from
it, and stays written here until that is accepted.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, and_, bindparam, delete, func, inspect, or_, select, update

from services.keys import tables
from shared.replication.heads.held_heads import HeldHead, Remembered
from shared.replication.proof.signed_heads import SignedHead
from shared.sql.database import Database, upsert

# Those that services of this release go by; a row for each at most.
FOLLOWERS = frozenset({"auth.grants", "usage.known_keys"})
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowerPlace:
    """`signed_at`: RFC 3339, by the clock of keys when it signed the head. `lost`: from when to when, if put back.

    `epoch`: None of a place that a release before wrote.
    """

    follower: str
    epoch: str | None
    position: int
    signed_at: str
    lost: tuple[str, str] | None

    def lost_by(self, holds: Iterable[SignedHead]) -> tuple[str, str] | None:
        """From when to when the follower knows nothing, though it had said so; None: it has lost nothing.

        `holds`: all that it keeps. From "": it knows nothing at all.
        """
        held = tuple(holds)
        if self._is_within(held):
            return self.lost
        return max((head.signed_at for head in held), default=""), self.signed_at

    def _is_within(self, held: Collection[SignedHead]) -> bool:
        if self.epoch is None:
            return any(head.signed_at >= self.signed_at for head in held)
        place = Remembered(epoch=self.epoch, position=self.position, signed_at=self.signed_at)
        return any(map(place.is_within, held))


class FollowerPlaces:
    """Remembers services' followers. Gates hold nothing on disk, so nothing is remembered of them."""

    def __init__(self, database: Database) -> None:
        table = tables.follower_place
        self._database = database
        self._known: dict[str, SignedHead] = {}
        columns = (table.c.epoch, table.c.position, table.c.signed_at)
        self._select = select(*columns).where(table.c.follower == bindparam("of"), table.c.epoch.is_not(None))

    def hear(self, held: HeldHead, account: str | None) -> None:
        """`account`: who says so, as its credentials tell; None: it has none of its own. The head is proved."""
        follower, head = held.follower, held.head
        is_its_own = follower in FOLLOWERS and account in (None, follower.partition(".")[0])
        is_new = head is not None and self._known.get(follower) != head
        if not is_its_own or not (is_new or held.lost):
            return
        with self._database.transaction(urgent=True) as tx:  # else followers, by whom keys end at gates, could not pull
            if held.lost is not None:
                _note_a_loss(tx, follower, "" if head is None else head.signed_at, held.lost)
            if head is not None:
                _remember(tx, follower, head)
        if head is not None:
            self._known[follower] = head

    def remembered(self, follower: str) -> Remembered | None:
        """As the database has it: another process may have heard of more."""
        if follower not in FOLLOWERS:
            return None
        with self._database.reading(once=True) as tx:
            row = tx.execute(self._select, {"of": follower}).one_or_none()
        return None if row is None else Remembered(epoch=row.epoch, position=row.position, signed_at=row.signed_at)


def read_follower_places(tx: Connection) -> dict[str, FollowerPlace]:
    """By follower. None of a database that no release with them has opened yet."""
    table = tables.follower_place
    if not inspect(tx).has_table(table.name):
        return {}
    return {
        row.follower: FollowerPlace(
            follower=row.follower,
            epoch=row.epoch,
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


def _remember(tx: Connection, follower: str, head: SignedHead) -> None:
    """Never backwards: another process may know of a later one. By position first, for clocks of several hosts differ;
    in another epoch, which an accepted restore began, by the time.
    """
    table = tables.follower_place.c
    statement = upsert(tx, tables.follower_place)
    new = statement.excluded
    place = {name: new[name] for name in ("epoch", "position", "signed_at")}
    is_later = or_(
        and_(func.coalesce(table.epoch, "") != new.epoch, table.signed_at < new.signed_at),
        and_(table.epoch == new.epoch, table.position < new.position),
        and_(table.epoch == new.epoch, table.position == new.position, table.signed_at < new.signed_at),
    )
    row = {"follower": follower, "epoch": head.epoch, "position": head.position, "signed_at": head.signed_at}
    tx.execute(statement.on_conflict_do_update(index_elements=["follower"], set_=place, where=is_later), row)


def _note_a_loss(tx: Connection, follower: str, since: str, until: str) -> None:
    """The first one stays, until it is accepted."""
    table = tables.follower_place
    is_its = (table.c.follower == follower) & (table.c.signed_at == until) & table.c.lost_until.is_(None)
    noted = tx.execute(update(table).where(is_its).values(lost_from=since, lost_until=until))
    if noted.rowcount:
        _log.error("follower_put_back", follower=follower, since=since or None, until=until)
