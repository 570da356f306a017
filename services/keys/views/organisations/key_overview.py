"""Overview of an organisation's keys: how many are in which state, and those that expire soon, lie unused or outlive
its rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from services.keys import tables
from services.keys.lifecycle.key import Status
from services.keys.lifecycle.lifetimes import Lifetimes, latest_expiry
from services.keys.views.active_keys import has_status
from shared.sql.database import Database
from shared.values.timestamps import from_rfc3339, rfc3339

LISTED_MAX = 10
_key = tables.api_key.c


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedKey:
    """`at`: when it expires, or was used or renewed last; None: never expires."""

    id: str
    name: str
    hint: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SomeKeys:
    """`listed`: the first LISTED_MAX of `count`."""

    count: int
    listed: tuple[NamedKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOverview:
    """Of keys that may still be used: those that expire soon, were not used for long, live longer than allowed."""

    by_status: Mapping[Status, int]
    expiring: SomeKeys
    unused: SomeKeys
    beyond_lifetime: SomeKeys


def key_overview(
    database: Database,
    organisation_id: str,
    lifetimes: Lifetimes,
    now: datetime,
    *,
    expiring: timedelta,
    unused: timedelta,
) -> KeyOverview:
    """`expiring`: within so long. `unused`: neither used nor renewed for so long. Reads no more keys than it lists, but
    for those that may still be used where a lifetime is set.
    """
    has, is_own = has_status(rfc3339(now)), _key.organisation_id == organisation_id
    # Few of many: named so, they are found by an index.
    is_left = and_(is_own, _key.revoked_at.is_(None))
    is_living = and_(is_left, or_(has[Status.ACTIVE], has[Status.SUSPENDED]))
    left = [status for status in Status if status is not Status.REVOKED]
    is_expiring = _key.expires_at <= rfc3339(now + expiring)
    used_at = _latest(_latest(_key.created_at, _key.rotated_at), _key.last_used_at)
    with database.reading() as tx:
        counts = tx.execute(
            select(*(func.sum(case((has[status], 1), else_=0)) for status in left)).where(is_left)
        ).one()
        revoked = select(func.count()).select_from(tables.api_key).where(is_own, has[Status.REVOKED])
        by_status = {status: count or 0 for status, count in zip(left, counts, strict=True)}
        return KeyOverview(
            by_status=by_status | {Status.REVOKED: tx.execute(revoked).scalar_one()},
            expiring=_some(tx, and_(is_living, is_expiring), _key.expires_at),
            unused=_some(tx, and_(is_living, used_at < rfc3339(now - unused)), used_at),
            beyond_lifetime=_beyond_lifetime(tx, is_living, lifetimes),
        )


def _latest(time: ColumnElement[str], other: ColumnElement[str]) -> ColumnElement[str]:
    """`other` may be null. By CASE, for the databases' functions of the greatest differ where one is."""
    return case((other > time, other), else_=time)


def _some(tx: Connection, is_wanted: ColumnElement[bool], at: ColumnElement[str]) -> SomeKeys:
    """The earliest first."""
    count = tx.execute(select(func.count()).select_from(tables.api_key).where(is_wanted)).scalar_one()
    named = select(_key.id, _key.name, _key.hint, at.label("at")).where(is_wanted)
    rows = tx.execute(named.order_by(at, _key.id).limit(LISTED_MAX)).all() if count else ()
    return SomeKeys(count=count, listed=tuple(map(_named, rows)))


def _beyond_lifetime(tx: Connection, is_living: ColumnElement[bool], lifetimes: Lifetimes) -> SomeKeys:
    """The earliest first; those that never expire come last. Databases add days to a text each in its own way."""
    if lifetimes.max_days is None:
        return SomeKeys(count=0, listed=())
    never_last = (_key.expires_at.is_(None), _key.expires_at, _key.id)
    living = select(_key.id, _key.created_at, _key.expires_at).where(is_living).order_by(*never_last)
    found = [row.id for row in tx.execute(living) if _exceeds(row, lifetimes)]
    named = select(_key.id, _key.name, _key.hint, _key.expires_at.label("at")).where(_key.id.in_(found[:LISTED_MAX]))
    rows = tx.execute(named.order_by(*never_last)).all()
    return SomeKeys(count=len(found), listed=tuple(map(_named, rows)))


def _exceeds(row: Any, lifetimes: Lifetimes) -> bool:
    latest = latest_expiry(from_rfc3339(row.created_at), lifetimes)
    return latest is not None and (row.expires_at is None or row.expires_at > rfc3339(latest))


def _named(row: Any) -> NamedKey:
    return NamedKey(id=row.id, name=row.name, hint=row.hint, at=None if row.at is None else from_rfc3339(row.at))
