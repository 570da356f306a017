"""What the keys service knows, as its doors show it. Reads rows only; changes nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, and_, or_, select

from services.keys import key, tables
from shared.clock import Clock
from shared.database import Database
from shared.times import from_rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """One key as its organisation sees it. Never its secret, which nobody has."""

    id: str
    organisation_id: str
    revision: int
    name: str
    description: str
    labels: dict[str, str]
    hint: str
    permissions: tuple[str, ...]
    status: key.Status
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    allow_query: bool
    allowed_addresses: tuple[str, ...]
    minute_limit: int | None
    day_limit: int | None
    revoked_at: datetime | None
    revocation_reason: str | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationView:
    id: str
    name: str
    tier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`next_place`: (created_at, id) of the last key shown; None on the last page."""

    keys: tuple[KeyView, ...]
    next_place: tuple[str, str] | None


class Queries:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def get_key(self, organisation_id: str, key_id: str) -> KeyView:
        """Raises NoSuchKey, also for another organisation's key."""
        table = tables.api_key
        with self._database.reading() as tx:
            row = tx.execute(
                select(table).where(table.c.id == key_id, table.c.organisation_id == organisation_id)
            ).one_or_none()
        if row is None:
            raise key.NoSuchKey
        return _view(row, self._clock.now())

    def list_keys(self, organisation_id: str, limit: int, after: tuple[str, str] | None) -> Page:
        """Newest first. `after`: the place where the page before ended."""
        table = tables.api_key
        query = select(table).where(table.c.organisation_id == organisation_id)
        if after is not None:
            created_at, key_id = after
            query = query.where(
                or_(
                    table.c.created_at < created_at,
                    and_(table.c.created_at == created_at, table.c.id < key_id),
                )
            )
        with self._database.reading() as tx:
            rows = tx.execute(query.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit + 1)).all()
        shown, now = rows[:limit], self._clock.now()
        return Page(
            keys=tuple(_view(row, now) for row in shown),
            next_place=(shown[-1].created_at, shown[-1].id) if len(rows) > limit else None,
        )

    def organisations(self) -> tuple[OrganisationView, ...]:
        table = tables.organisation
        with self._database.reading() as tx:
            rows = tx.execute(select(table).order_by(table.c.registered_at, table.c.id)).all()
        return tuple(OrganisationView(id=row.id, name=row.name, tier=row.tier) for row in rows)

    def has_keys(self) -> bool:
        with self._database.reading() as tx:
            return tx.execute(select(tables.api_key.c.id).limit(1)).first() is not None


def _view(row: Row[Any], now: datetime) -> KeyView:
    expires_at, revoked_at = _time(row.expires_at), _time(row.revoked_at)
    return KeyView(
        id=row.id,
        organisation_id=row.organisation_id,
        revision=row.revision,
        name=row.name,
        description=row.description,
        labels=msgspec.json.decode(row.labels),
        hint=row.hint,
        permissions=tuple(msgspec.json.decode(row.permissions)),
        status=key.status(revoked_at, expires_at, now),
        created_at=from_rfc3339(row.created_at),
        created_by=row.created_by,
        expires_at=expires_at,
        allow_query=row.allow_query,
        allowed_addresses=tuple(msgspec.json.decode(row.allowed_addresses)),
        minute_limit=row.minute_limit,
        day_limit=row.day_limit,
        revoked_at=revoked_at,
        revocation_reason=row.revocation_reason,
        last_used_at=_time(row.last_used_at),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else from_rfc3339(text)
