"""Time travel: a key as it was at a moment or a revision, folded from its events.

When it was last used is left out: no event tells that.
"""

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from services.keys.encryption import data_keys
from services.keys.encryption.description import unseal
from services.keys.events import types
from services.keys.lifecycle.key import KEY_PREFIX, Key, NoSuchKey, evolve, settings
from services.keys.views.projection import note_of
from services.keys.views.queries import KeyView
from shared.eventsourcing.event_store import StoredEvent
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.values.timestamps import from_rfc3339


class AsOf:
    def __init__(self, store: SqlEventStore) -> None:
        self._store = store

    def at_revision(self, organisation_id: str, key_id: str, revision: int) -> KeyView:
        """The key right after that revision. Raises NoSuchKey, also when the key never had that revision."""
        with self._store.reading() as tx:
            rows = self._stream(tx, key_id)
            if not 0 < revision <= len(rows):
                raise NoSuchKey
            return self._view(tx, organisation_id, rows[:revision], from_rfc3339(rows[revision - 1].recorded_at))

    def at(self, organisation_id: str, key_id: str, moment: datetime) -> KeyView:
        """The key at that moment. Raises NoSuchKey, also when it was not created yet."""
        with self._store.reading() as tx:
            rows = self._stream(tx, key_id)
            until_then = tuple(row for row in rows if from_rfc3339(row.recorded_at) <= moment)
            return self._view(tx, organisation_id, until_then, moment)

    def _stream(self, tx: Connection, key_id: str) -> tuple[StoredEvent, ...]:
        return self._store.stream(tx, key_id) if key_id.startswith(KEY_PREFIX) else ()

    def _view(self, tx: Connection, organisation_id: str, rows: tuple[StoredEvent, ...], moment: datetime) -> KeyView:
        """Raises NoSuchKey for a deleted key, whatever the moment: its description is unreadable."""
        if not rows:
            raise NoSuchKey
        state: Key | None = None
        for row in rows:
            event = types.decode(row.type, row.schema_version, row.data)
            state = evolve(state, event)  # type: ignore[arg-type]  # a key's stream holds a key's events
        data_key = data_keys.read(tx, rows[0].stream)
        if state is None or data_key is None or state.organisation_id != organisation_id:
            raise NoSuchKey
        description = unseal(state.words, data_key)
        return KeyView(
            id=state.key_id,
            organisation_id=state.organisation_id,
            revision=state.revision,
            name=description.name,
            description=description.description,
            labels=description.labels,
            hint=state.hint,
            permissions=state.permissions,
            status=state.status(moment),
            created_at=state.created_at,
            created_by=msgspec.json.decode(rows[0].metadata, type=Origin).actor,
            rotated_at=state.rotated_at,
            grace_until=state.grace_until,
            suspended_at=state.suspended_at,
            expired_at=state.expired_at,
            revoked_at=state.revoked_at,
            revocation_reason=state.revocation_reason,
            revocation_note=note_of(state.revocation_note, data_key),
            last_used_at=None,
            last_used_address=None,
            last_used_route=None,
            **settings(state.access),
        )
