"""Queries of keys and organisations: one, a filtered keyset page, or all. Reads only."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, func, select

from services.keys import tables
from services.keys.lifecycle import key
from services.keys.lifecycle.key import Access, Status
from services.keys.lifecycle.lifetimes import Lifetimes, exceeded_days
from services.keys.lifecycle.lock_out import usable_beyond
from services.keys.lifecycle.organisation import NoSuchOrganisation, active_keys_max
from services.keys.views.active_keys import count_active, has_status
from services.keys.views.listing.key_filter import KeyFilter, conditions
from services.keys.views.listing.key_order import NEWEST_FIRST, Place, read_keys
from services.keys.views.setting_columns import from_row
from shared.contracts.keys import Contract, contract_of
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.timestamps import from_rfc3339, rfc3339

_PAGE_ROWS = 1000
# Each with the longest lifetime that its organisation allows.
_KEYS = select(tables.api_key, tables.organisation.c.lifetime_max_days).join(
    tables.organisation, tables.organisation.c.id == tables.api_key.c.organisation_id, isouter=True
)
_MARK = select(select(tables.log_head.c.position).scalar_subquery(), select(tables.use_mark.c.number).scalar_subquery())
_NEXT_ENDS = select(
    *(
        select(func.min(end))
        .where(tables.api_key.c.organisation_id == bindparam("organisation"), end > bindparam("now"))
        .scalar_subquery()
        for end in (tables.api_key.c.expires_at, tables.api_key.c.grace_until)
    )
)
_ONE_KEY = _KEYS.where(
    tables.api_key.c.id == bindparam("key_id"), tables.api_key.c.organisation_id == bindparam("organisation")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView(Access):
    """One key as its organisation sees it, without its secret, which is stored nowhere.

    `previous_hint`: of the secret before, while its grace runs; `previous_used_at`: its last use since it was replaced.
    `sent_in_query_at`: when its present secret came last in a URL's query, where proxies and histories record it.
    `exceeded_lifetime_days`: how long its organisation lets keys live, if it will live longer; None: it will not.
    """

    id: str
    organisation_id: str
    revision: int
    name: str
    description: str
    labels: dict[str, str]
    hint: str
    permissions: tuple[str, ...]
    status: Status
    created_at: datetime
    created_by: str
    rotated_at: datetime | None
    grace_until: datetime | None
    suspended_at: datetime | None
    expired_at: datetime | None
    revoked_at: datetime | None
    revocation_reason: str | None
    revocation_note: str | None
    last_used_at: datetime | None
    last_used_address: str | None
    last_used_route: str | None
    previous_hint: str | None = None
    previous_used_at: datetime | None = None
    sent_in_query_at: datetime | None = None
    exceeded_lifetime_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationView:
    """`active_keys_max`: how many active keys its tier allows. `contract`: what is agreed on in the tier's place."""

    id: str
    name: str
    revision: int
    tier: str
    registered_at: datetime
    unused_expiry_days: int | None
    lifetime_max_days: int | None
    lifetime_default_days: int | None
    active_keys: int
    active_keys_max: int
    contract: Contract | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPage:
    """`next_place`: where it ended; None on the last page."""

    keys: tuple[KeyView, ...]
    next_place: Place | None


class KeyQueries:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def get_key(self, organisation_id: str, key_id: str) -> KeyView:
        """Raises NoSuchKey, also for another organisation's key."""
        with self._database.reading(once=True) as tx:
            row = tx.execute(_ONE_KEY, {"key_id": key_id, "organisation": organisation_id}).one_or_none()
        if row is None:
            raise key.NoSuchKey
        return _view(row, self._clock.now())

    def list_keys(
        self,
        organisation_id: str,
        limit: int,
        after: Place | None = None,
        wanted: KeyFilter | None = None,
        sort: str = NEWEST_FIRST,
    ) -> KeyPage:
        """`sort`: one of SORTS. `after`: the place where the page before ended, in the same order."""
        table, now = tables.api_key, self._clock.now()
        query = _KEYS.where(table.c.organisation_id == organisation_id)
        query = query.where(*conditions(wanted or KeyFilter(), now))
        with self._database.reading() as tx:
            shown, place = read_keys(tx, query, sort, after, limit)
        return KeyPage(keys=tuple(_view(row, now) for row in shown), next_place=place)

    def mark(self) -> tuple[int, int]:
        """Another one whenever what is read here may have changed, but by the passing of time. Read it first."""
        with self._database.reading(once=True) as tx:
            position, uses = tx.execute(_MARK).one()
        return position, uses

    def next_end(self, organisation_id: str) -> datetime | None:
        """When the next of its keys expires, or the next grace of a replaced secret ends, by the passing of time."""
        parameters = {"organisation": organisation_id, "now": rfc3339(self._clock.now())}
        with self._database.reading(once=True) as tx:
            ends = [end for end in tx.execute(_NEXT_ENDS, parameters).one() if end is not None]
        return from_rfc3339(min(ends)) if ends else None

    def all_keys(self, organisation_id: str, wanted: KeyFilter) -> tuple[KeyView, ...]:
        """Every key that is wanted, as many as the organisation has."""
        keys: tuple[KeyView, ...] = ()
        place: Place | None = None
        while True:
            page = self.list_keys(organisation_id, _PAGE_ROWS, place, wanted)
            keys, place = keys + page.keys, page.next_place
            if place is None:
                return keys

    def would_lock_out(self, organisation_id: str, ended: Collection[str]) -> bool:
        """Whether the end of these keys would leave no usable admin key, of which one of them is active now.

        What is so when they are ended is judged once more, under the log's lock.
        """
        table, now = tables.api_key.c, self._clock.now()
        is_active = has_status(rfc3339(now))[Status.ACTIVE]
        admins = select(table.id, table.expires_at).where(
            table.organisation_id == organisation_id, table.permissions.contains('"admin"'), is_active
        )
        with self._database.reading(once=True) as tx:
            expiries = {row.id: row.expires_at for row in tx.execute(admins)}
        beyond = rfc3339(usable_beyond(now))
        others = (expiry for key_id, expiry in expiries.items() if key_id not in ended)
        return not expiries.keys().isdisjoint(ended) and not any(expiry is None or expiry > beyond for expiry in others)

    def organisation(self, organisation_id: str) -> OrganisationView:
        """Raises NoSuchOrganisation."""
        table = tables.organisation
        with self._database.reading() as tx:
            row = tx.execute(select(table).where(table.c.id == organisation_id)).one_or_none()
            if row is None:
                raise NoSuchOrganisation
            return self._organisation(tx, row)

    def organisations(self) -> tuple[OrganisationView, ...]:
        table = tables.organisation
        with self._database.reading() as tx:
            rows = tx.execute(select(table).order_by(table.c.registered_at, table.c.id)).all()
            return tuple(self._organisation(tx, row) for row in rows)

    def has_keys(self) -> bool:
        with self._database.reading() as tx:
            return tx.execute(select(tables.api_key.c.id).limit(1)).first() is not None

    def _organisation(self, tx: Connection, row: Row[Any]) -> OrganisationView:
        contract = contract_of(row.contract)
        return OrganisationView(
            id=row.id,
            name=row.name,
            revision=row.revision,
            tier=row.tier,
            registered_at=from_rfc3339(row.registered_at),
            unused_expiry_days=row.unused_expiry_days,
            lifetime_max_days=row.lifetime_max_days,
            lifetime_default_days=row.lifetime_default_days,
            active_keys=count_active(tx, row.id, self._clock.now()),
            active_keys_max=active_keys_max(row.tier, contract),
            contract=contract,
        )


def _view(row: Row[Any], now: datetime) -> KeyView:
    access, created_at = from_row(row), from_rfc3339(row.created_at)
    moments: dict[str, Any] = {
        name: _time(getattr(row, name))
        for name in ("rotated_at", "grace_until", "suspended_at", "expired_at", "revoked_at")
    }
    in_grace = key.runs(moments["grace_until"], now)
    moments["expired_at"] = key.expired_since(
        expired_at=moments["expired_at"], expires_at=access["expires_at"], revoked_at=moments["revoked_at"], now=now
    )
    status = key.status(
        revoked_at=moments["revoked_at"],
        suspended_at=moments["suspended_at"],
        expired_at=moments["expired_at"],
        expires_at=access["expires_at"],
        now=now,
    )
    return KeyView(
        id=row.id,
        organisation_id=row.organisation_id,
        revision=row.revision,
        name=row.name,
        description=row.description,
        labels=msgspec.json.decode(row.labels),
        hint=row.hint,
        permissions=tuple(msgspec.json.decode(row.permissions)),
        status=status,
        created_at=created_at,
        created_by=row.created_by,
        revocation_reason=row.revocation_reason,
        revocation_note=row.revocation_note,
        last_used_at=_time(row.last_used_at),
        last_used_address=row.last_used_address,
        last_used_route=row.last_used_route,
        previous_hint=row.previous_hint if in_grace else None,
        previous_used_at=_time(row.previous_used_at) if in_grace else None,
        sent_in_query_at=_time(row.sent_in_query_at),
        exceeded_lifetime_days=exceeded_days(
            status, access["expires_at"], created_at, Lifetimes(max_days=row.lifetime_max_days)
        ),
        **access,
        **moments,
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else from_rfc3339(text)
