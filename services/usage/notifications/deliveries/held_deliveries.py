"""Held deliveries: what a disabled channel would have been sent, kept for a replay once it is enabled again.

The latest HELD_MAX of a channel are held, for as long as finished deliveries are kept; of more the oldest fail, and
each of those may still be sent again by itself.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from services.usage.notifications import tables
from services.usage.notifications.delivery import Status
from shared.values.timestamps import to_microseconds

HELD_MAX = 1000
_IS_HELD = tables.delivery.c.status == Status.HELD.value


def hold(tx: Connection, channel_id: str, now: datetime) -> None:
    """Holds what waits to be sent to the channel. What is being sent right now is held when it comes back."""
    table = tables.delivery
    waiting = (table.c.channel_id == channel_id, table.c.status == Status.PENDING.value)
    tx.execute(update(table).where(*waiting).values(status=Status.HELD.value, due_at=None, finished_at=None))
    keep_within_bound(tx, channel_id, now)


def keep_within_bound(tx: Connection, channel_id: str, now: datetime) -> None:
    """Fails the oldest held deliveries of a channel that has more than HELD_MAX."""
    table = tables.delivery
    latest = select(table.c.id).where(table.c.channel_id == channel_id, _IS_HELD)
    beyond = latest.order_by(table.c.created_at.desc(), table.c.id).offset(HELD_MAX)
    values = {"status": Status.FAILED.value, "finished_at": to_microseconds(now)}
    tx.execute(update(table).where(table.c.id.in_(beyond)).values(values))


def held_by_channel(tx: Connection, channel_ids: Iterable[str]) -> dict[str, int]:
    """Channel → how many deliveries are held for it; without those that have none."""
    table = tables.delivery
    query = select(table.c.channel_id, func.count()).where(table.c.channel_id.in_(list(channel_ids)), _IS_HELD)
    return {channel_id: int(count) for channel_id, count in tx.execute(query.group_by(table.c.channel_id))}


def replay(tx: Connection, channel_id: str, since: datetime | None, now: datetime) -> int:
    """Makes the held deliveries of the channel due, those made at `since` or later. Answers how many."""
    table = tables.delivery
    wanted = [table.c.channel_id == channel_id, _IS_HELD]
    if since is not None:
        wanted.append(table.c.created_at >= to_microseconds(since))
    values = {"status": Status.PENDING.value, "due_at": to_microseconds(now)}
    return tx.execute(update(table).where(*wanted).values(values)).rowcount
