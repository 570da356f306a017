"""Limit of active keys: a key's status as an SQL condition, the count of active keys, and the tier's limit."""

import functools
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, Select, String, and_, bindparam, func, or_, select

from services.keys import tables
from services.keys.lifecycle.key import Key, Status
from services.keys.lifecycle.organisation import TooManyKeys, active_keys_max
from shared.contracts.keys import contract_of
from shared.values.timestamps import rfc3339


class Room(NamedTuple):
    """How many keys of an organisation are active, and how many its tier allows."""

    active: int
    active_max: int

    def check(self, more: int) -> None:
        """Checks that so many more keys may be active. Raises TooManyKeys."""
        if self.active + more > self.active_max:
            raise TooManyKeys(self.active_max)


def count_active(tx: Connection, organisation_id: str, now: datetime) -> int:
    return tx.execute(_active(), {"organisation_id": organisation_id, "now": rfc3339(now)}).scalar_one()


def check_limit(tx: Connection, before: Key | None, after: Key | None, now: datetime) -> None:
    """Checks the tier's limit when a key becomes active. Raises TooManyKeys.

    Call it while the log is locked: nobody else appends, so two cannot both become the last one allowed.
    """
    if after is None or after.status(now) is not Status.ACTIVE:
        return
    if before is not None and before.status(now) is Status.ACTIVE:
        return
    parameters = {"organisation_id": after.organisation_id, "now": rfc3339(now)}
    room_of(tx.execute(select_room(), parameters).one()).check(0)


def room_of(row: Row[Any]) -> Room:
    """A row of `select_room`."""
    return Room(row.active, active_keys_max(row.tier, contract_of(row.contract)))


# Cached: building such a statement takes longer than running it.
@functools.cache
def _active() -> Select[int]:
    table = tables.api_key
    is_active = has_status(bindparam("now", type_=String))[Status.ACTIVE]
    is_counted = (table.c.organisation_id == bindparam("organisation_id"), is_active)
    return select(func.count()).select_from(table).where(*is_counted)


@functools.cache
def select_room() -> Select[Any]:
    """Parameters: `organisation_id` and `now`, RFC 3339. One round trip, for others wait meanwhile."""
    table = tables.organisation
    active = _active().scalar_subquery()
    return select(table.c.tier, table.c.contract, active.label("active")).where(
        table.c.id == bindparam("organisation_id")
    )


def has_status(at: str | BindParameter[str]) -> dict[Status, ColumnElement[bool]]:
    """Status → the SQL condition that agrees with lifecycle.key.status. `at`: RFC 3339."""
    table = tables.api_key
    not_revoked, not_suspended = table.c.revoked_at.is_(None), table.c.suspended_at.is_(None)
    in_future = or_(table.c.expires_at.is_(None), table.c.expires_at > at)
    unexpired = and_(table.c.expired_at.is_(None), in_future)
    expired = or_(table.c.expired_at.is_not(None), table.c.expires_at <= at)
    return {
        Status.REVOKED: table.c.revoked_at.is_not(None),
        Status.SUSPENDED: and_(not_revoked, table.c.suspended_at.is_not(None)),
        Status.EXPIRED: and_(not_revoked, not_suspended, expired),
        Status.ACTIVE: and_(not_revoked, not_suspended, unexpired),
    }
