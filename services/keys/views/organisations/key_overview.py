"""Overview of an organisation's keys: how many are in which state, and those that expire soon, lie unused or outlive
its rule.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select

from services.keys import tables
from services.keys.lifecycle import key
from services.keys.lifecycle.key import Status
from services.keys.lifecycle.lifetimes import Lifetimes, exceeded_days
from shared.sql.database import Database
from shared.values.timestamps import from_rfc3339

LISTED_MAX = 10
_COLUMNS = (
    *("id", "name", "hint", "created_at", "rotated_at", "last_used_at"),
    *("expires_at", "expired_at", "suspended_at", "revoked_at"),
)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    id: str
    name: str
    hint: str
    status: Status
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime


def key_overview(
    database: Database,
    organisation_id: str,
    lifetimes: Lifetimes,
    now: datetime,
    *,
    expiring: timedelta,
    unused: timedelta,
) -> KeyOverview:
    """`expiring`: within so long. `unused`: neither used nor renewed for so long."""
    table = tables.api_key
    query = select(*(table.c[name] for name in _COLUMNS)).where(table.c.organisation_id == organisation_id)
    with database.reading() as tx:
        keys = [_key(row, now) for row in tx.execute(query)]
    living = [each for each in keys if each.status in (Status.ACTIVE, Status.SUSPENDED)]
    return KeyOverview(
        by_status=Counter(each.status for each in keys),
        expiring=_some(
            (each for each in living if each.expires_at is not None and each.expires_at - now <= expiring), _expiry
        ),
        unused=_some((each for each in living if now - each.used_at > unused), lambda each: each.used_at),
        beyond_lifetime=_some(
            (each for each in living if exceeded_days(each.status, each.expires_at, each.created_at, lifetimes)),
            _expiry,
        ),
    )


def _expiry(each: _Key) -> datetime | None:
    return each.expires_at


def _some(keys: Iterable[_Key], at: Callable[[_Key], datetime | None]) -> SomeKeys:
    """The earliest first; those without a time come last."""
    found = sorted(keys, key=lambda each: (at(each) is None, at(each) or each.created_at, each.id))
    listed = (NamedKey(id=each.id, name=each.name, hint=each.hint, at=at(each)) for each in found[:LISTED_MAX])
    return SomeKeys(count=len(found), listed=tuple(listed))


def _key(row: Row[Any], now: datetime) -> _Key:
    revoked_at, suspended_at, expired_at, expires_at = (
        _time(text) for text in (row.revoked_at, row.suspended_at, row.expired_at, row.expires_at)
    )
    status = key.status(
        revoked_at=revoked_at, suspended_at=suspended_at, expired_at=expired_at, expires_at=expires_at, now=now
    )
    moments = filter(None, (row.last_used_at, row.rotated_at, row.created_at))
    return _Key(
        id=row.id,
        name=row.name,
        hint=row.hint,
        status=status,
        created_at=from_rfc3339(row.created_at),
        expires_at=expires_at,
        used_at=from_rfc3339(max(moments)),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else from_rfc3339(text)
