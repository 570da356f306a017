"""Projection: writes the read models' rows from each event, in the transaction that appends it."""

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from services.keys import tables
from services.keys.encryption import data_keys
from services.keys.encryption.description import Description, unseal, unseal_note
from services.keys.events import (
    KeyAccessChanged,
    KeyCreated,
    KeyDeleted,
    KeyDescribed,
    KeyEvent,
    KeyExpired,
    KeyExpiryNear,
    KeyPermissionsChanged,
    KeyResumed,
    KeyRevoked,
    KeyRotated,
    KeySuspended,
    LifetimesChanged,
    OrganisationEvent,
    OrganisationRegistered,
    TierChanged,
    UnusedExpiryChanged,
)
from services.keys.lifecycle.key import Key
from services.keys.views import makings, setting_columns
from shared.contracts.keys import contract_text
from shared.eventsourcing.event_store import StoredEvent
from shared.eventsourcing.origin import Origin
from shared.values.names import folded
from shared.values.timestamps import rfc3339

# Stands for a description whose data key was destroyed, while a log is replayed up to the deletion itself.
_UNREADABLE = Description(name="")
_metadata = msgspec.json.Decoder(Origin)
_INSERT_KEY = insert(tables.api_key)


def project_organisation(tx: Connection, row: StoredEvent, event: OrganisationEvent) -> None:
    table = tables.organisation
    update_this = update(table).where(table.c.id == event.organisation_id)
    match event:
        case OrganisationRegistered():
            tx.execute(
                insert(table).values(
                    id=event.organisation_id,
                    name=event.name,
                    tier=event.tier,
                    registered_at=rfc3339(event.registered_at),
                )
            )
        case TierChanged():
            tx.execute(
                update_this.values(revision=row.version, tier=event.tier, contract=contract_text(event.contract))
            )
        case UnusedExpiryChanged():
            tx.execute(update_this.values(revision=row.version, unused_expiry_days=event.unused_expiry_days))
        case LifetimesChanged():
            days = {name: getattr(event, name) for name in ("lifetime_max_days", "lifetime_default_days")}
            tx.execute(update_this.values(revision=row.version, **days))
        case _:
            assert_never(event)


def project_key(tx: Connection, row: StoredEvent, event: KeyEvent) -> None:
    match event:
        case KeyCreated():
            _insert(tx, row, event, _description(tx, event))
        case KeyDescribed():
            description = _description(tx, event)
            _update(tx, row, event, **_as_columns(description))
            _replace_labels(tx, event.key_id, description)
        case KeyPermissionsChanged():
            _update(tx, row, event, permissions=_json(event.permissions))
        case KeyAccessChanged():
            _update(tx, row, event, **setting_columns.as_columns(event))
        case KeyRotated():
            _update(tx, row, event, hint=event.hint, expired_at=None, **_secrets(event))
            makings.keep(tx, row, actor_of(row))
        case KeySuspended():
            _update(tx, row, event, suspended_at=rfc3339(event.suspended_at))
        case KeyResumed():
            _update(tx, row, event, suspended_at=None)
        case KeyExpiryNear():
            _update(tx, row, event)
        case KeyExpired():
            _update(tx, row, event, expired_at=rfc3339(event.expired_at))
        case KeyRevoked():
            facts = {"revoked_at": rfc3339(event.revoked_at), "revocation_reason": event.reason}
            _update(tx, row, event, **facts, revocation_note=note_of(event.note, data_keys.read(tx, event.key_id)))
        case KeyDeleted():
            _delete(tx, event.key_id)
        case _:
            assert_never(event)


def project_created(descriptions: Mapping[str, Description], tx: Connection, row: StoredEvent, event: KeyEvent) -> None:
    """As `project_key`, of keys whose descriptions were sealed just now: key id → description."""
    if isinstance(event, KeyCreated):
        _insert(tx, row, event, descriptions[event.key_id])
    else:
        project_key(tx, row, event)


def _insert(tx: Connection, row: StoredEvent, event: KeyCreated, description: Description) -> None:
    actor = actor_of(row)
    values = {
        "id": event.key_id,
        "organisation_id": event.organisation_id,
        "revision": row.version,
        "hint": event.hint,
        "digest": event.digest,
        "permissions": _json(event.permissions),
        "created_at": rfc3339(event.created_at),
        "created_by": actor,
        **_as_columns(description),
        **setting_columns.as_columns(event),
    }
    tx.execute(_INSERT_KEY, values)
    _insert_labels(tx, event.key_id, description)
    makings.keep(tx, row, actor)


def note_of(sealed: str | None, data_key: str | None) -> str | None:
    """The note of a revocation; None: there is none, or it can be read no more."""
    return None if sealed is None or data_key is None else unseal_note(sealed, data_key)


def whole_row(state: Key, description: Description, created_by: str, data_key: str | None) -> dict[str, object]:
    """The row of `api_key` that a key's events add up to, without its last use, which no event tells."""
    return {
        "id": state.key_id,
        "organisation_id": state.organisation_id,
        "revision": state.revision,
        "hint": state.hint,
        "digest": state.digest,
        "previous_digest": state.previous_digest,
        "previous_hint": state.previous_hint,
        "permissions": _json(state.permissions),
        "created_at": rfc3339(state.created_at),
        "created_by": created_by,
        "rotated_at": _time(state.rotated_at),
        "grace_until": _time(state.grace_until),
        "suspended_at": _time(state.suspended_at),
        "expired_at": _time(state.expired_at),
        "revoked_at": _time(state.revoked_at),
        "revocation_reason": state.revocation_reason,
        "revocation_note": note_of(state.revocation_note, data_key),
        **_as_columns(description),
        **setting_columns.as_columns(state.access),
    }


def actor_of(row: StoredEvent) -> str:
    return _metadata.decode(row.metadata).actor


def _update(tx: Connection, row: StoredEvent, event: KeyEvent, **values: object) -> None:
    table = tables.api_key
    tx.execute(update(table).where(table.c.id == event.key_id).values(revision=row.version, **values))


def _secrets(event: KeyRotated) -> dict[str, object]:
    """The secret before is kept with its grace only; SQL reads the row's digest and hint as they were before this."""
    newest: dict[str, object] = {
        "rotated_at": rfc3339(event.rotated_at),
        "digest": event.digest,
        "sent_in_query_at": None,
    }
    if event.previous_digest is not None:
        return newest | {"grace_until": _time(event.previous_until), "previous_digest": event.previous_digest}
    has_grace = event.grace_until is not None
    return newest | {
        "grace_until": _time(event.grace_until),
        "previous_digest": tables.api_key.c.digest if has_grace else None,
        "previous_hint": tables.api_key.c.hint if has_grace else None,
        "previous_used_at": None,
    }


def _replace_labels(tx: Connection, key_id: str, description: Description) -> None:
    table = tables.key_label
    tx.execute(delete(table).where(table.c.key_id == key_id))
    _insert_labels(tx, key_id, description)


def _insert_labels(tx: Connection, key_id: str, description: Description) -> None:
    labels = [{"key_id": key_id, "name": name, "value": value} for name, value in description.labels.items()]
    if labels:
        tx.execute(insert(tables.key_label), labels)


def _delete(tx: Connection, key_id: str) -> None:
    """Deletes row, labels and data key, which makes the description unreadable. Keeps the id and the hint."""
    names, table = ("id", "organisation_id", "hint"), tables.api_key
    identity = select(*(table.c[name] for name in names)).where(table.c.id == key_id)
    tx.execute(insert(tables.deleted_key).from_select(names, identity))
    for column in (tables.api_key.c.id, tables.key_label.c.key_id):
        tx.execute(delete(column.table).where(column == key_id))
    data_keys.destroy(tx, key_id)


def _description(tx: Connection, event: KeyCreated | KeyDescribed) -> Description:
    data_key = data_keys.read(tx, event.key_id)
    return _UNREADABLE if data_key is None else unseal(event.words, data_key)


def _as_columns(description: Description) -> dict[str, str]:
    return {
        "name": description.name,
        "description": description.description,
        "labels": _json(description.labels),
        "sort_name": folded(description.name),
        "search_text": folded(f"{description.name}\n{description.description}"),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
