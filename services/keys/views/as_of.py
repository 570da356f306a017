"""Time travel: a key as it was at a moment or a revision, folded from its events, and its organisation's tier then.

When it was last used is left out: no event tells that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from services.keys.encryption import data_keys
from services.keys.encryption.description import Description, unseal
from services.keys.events import types
from services.keys.lifecycle.key import KEY_PREFIX, Key, NoSuchKey, evolve, expired_since, runs, settings
from services.keys.lifecycle.lifetimes import UNLIMITED, Lifetimes, exceeded_days
from services.keys.lifecycle.moments import count_until, moments
from services.keys.lifecycle.organisation import Organisation
from services.keys.lifecycle.organisation import evolve as evolve_organisation
from services.keys.views.projection import note_of
from services.keys.views.queries import KeyView
from shared.contracts.keys import Contract
from shared.eventsourcing.event_store import StoredEvent
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.values.timestamps import from_rfc3339


class InTheFuture(Exception):
    """Nobody knows yet how the key is then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastKey:
    """A key as it was. `tier`, `contract`: its organisation's at that time; `tier` None: unknown."""

    key: KeyView
    tier: str | None
    contract: Contract | None = None


class AsOf:
    def __init__(self, store: SqlEventStore) -> None:
        self._store = store

    def at_revision(self, organisation_id: str, key_id: str, revision: int) -> PastKey:
        """The key right after that revision. Raises NoSuchKey, also when the key never had that revision."""
        with self._store.reading() as tx:
            rows = self._stream(tx, key_id)
            if not 0 < revision <= len(rows):
                raise NoSuchKey
            moment = _moments(rows)[revision - 1]
            return self._past(tx, organisation_id, rows[:revision], moment)

    def at(self, organisation_id: str, key_id: str, moment: datetime, now: datetime) -> PastKey:
        """The key at that moment, with all that it dates at that moment itself.

        Raises NoSuchKey, also when it was not created yet; InTheFuture if it is after now and all changes.
        """
        with self._store.reading() as tx:
            rows = self._stream(tx, key_id)
            happened = _moments(rows)
            if moment > max((now, *happened)):
                raise InTheFuture
            return self._past(tx, organisation_id, rows[: count_until(happened, moment)], moment)

    def _past(self, tx: Connection, organisation_id: str, rows: tuple[StoredEvent, ...], moment: datetime) -> PastKey:
        organisation: Organisation | None = None
        happened = self._store.stream(tx, organisation_id)
        for row in happened[: count_until(_moments(happened), moment)]:
            organisation = evolve_organisation(organisation, _decode(row))
        lifetimes = UNLIMITED if organisation is None else organisation.lifetimes
        view = self._view(tx, organisation_id, rows, moment, lifetimes)
        if organisation is None:
            return PastKey(key=view, tier=None)
        return PastKey(key=view, tier=organisation.tier, contract=organisation.contract)

    def _stream(self, tx: Connection, key_id: str) -> tuple[StoredEvent, ...]:
        return self._store.stream(tx, key_id) if key_id.startswith(KEY_PREFIX) else ()

    def _view(
        self,
        tx: Connection,
        organisation_id: str,
        rows: tuple[StoredEvent, ...],
        moment: datetime,
        lifetimes: Lifetimes,
    ) -> KeyView:
        """Raises NoSuchKey for a deleted key, whatever the moment: its description is unreadable."""
        if not rows:
            raise NoSuchKey
        state: Key | None = None
        for row in rows:
            state = evolve(state, _decode(row))
        data_key = data_keys.read(tx, rows[0].stream)
        if state is None or data_key is None or state.organisation_id != organisation_id:
            raise NoSuchKey
        created_by = msgspec.json.decode(rows[0].metadata, type=Origin).actor
        note = note_of(state.revocation_note, data_key)
        return view_of(state, unseal(state.words, data_key), created_by, note, lifetimes, moment)


def view_of(
    state: Key, description: Description, created_by: str, note: str | None, lifetimes: Lifetimes, moment: datetime
) -> KeyView:
    """What a key's events add up to, at that moment. `note`: of its revocation."""
    status = state.status(moment)
    return KeyView(
        id=state.key_id,
        organisation_id=state.organisation_id,
        revision=state.revision,
        name=description.name,
        description=description.description,
        labels=description.labels,
        hint=state.hint,
        permissions=state.permissions,
        status=status,
        created_at=state.created_at,
        created_by=created_by,
        rotated_at=state.rotated_at,
        grace_until=state.grace_until,
        suspended_at=state.suspended_at,
        expired_at=expired_since(
            expired_at=state.expired_at, expires_at=state.access.expires_at, revoked_at=state.revoked_at, now=moment
        ),
        revoked_at=state.revoked_at,
        revocation_reason=state.revocation_reason,
        revocation_note=note,
        last_used_at=None,
        last_used_address=None,
        last_used_route=None,
        previous_hint=state.previous_hint if runs(state.grace_until, moment) else None,
        exceeded_lifetime_days=exceeded_days(status, state.access.expires_at, state.created_at, lifetimes),
        **settings(state.access),
    )


def _moments(rows: Sequence[StoredEvent]) -> tuple[datetime, ...]:
    return moments((_decode(row), from_rfc3339(row.recorded_at)) for row in rows)


def _decode(row: StoredEvent) -> Any:
    """A stream holds the events of one key, or of one organisation."""
    return types.decode(row.type, row.schema_version, row.data)
