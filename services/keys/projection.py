"""The read models of the keys service: rows that the events add up to, written in the transaction of the append."""

from typing import assert_never

import msgspec
from sqlalchemy import Connection, insert, select, update

from services.keys import tables
from services.keys.events import KeyCreated, KeyEvent, KeyRevoked, OrganisationEvent
from services.keys.words import unseal
from shared.event_store import StoredEvent
from shared.repository import Origin
from shared.times import rfc3339


def project_organisation(tx: Connection, row: StoredEvent, event: OrganisationEvent) -> None:
    tx.execute(
        insert(tables.organisation).values(
            id=event.organisation_id,
            name=event.name,
            tier=event.tier,
            registered_at=rfc3339(event.registered_at),
        )
    )


def project_key(tx: Connection, row: StoredEvent, event: KeyEvent) -> None:
    match event:
        case KeyCreated():
            _insert(tx, row, event)
        case KeyRevoked():
            _update(tx, row, event.key_id, revoked_at=rfc3339(event.revoked_at), revocation_reason=event.reason)
        case _:
            assert_never(event)


def _insert(tx: Connection, row: StoredEvent, event: KeyCreated) -> None:
    data_key = tables.data_key
    value = tx.execute(select(data_key.c.value).where(data_key.c.key_id == event.key_id)).scalar_one()
    words = unseal(event.words, value)
    tx.execute(
        insert(tables.api_key).values(
            id=event.key_id,
            organisation_id=event.organisation_id,
            revision=row.version,
            name=words.name,
            description=words.description,
            labels=_json(words.labels),
            hint=event.hint,
            permissions=_json(event.permissions),
            created_at=rfc3339(event.created_at),
            created_by=msgspec.json.decode(row.metadata, type=Origin).actor,
            expires_at=event.expires_at and rfc3339(event.expires_at),
            allow_query=event.allow_query,
            allowed_addresses=_json(event.allowed_addresses),
            minute_limit=event.minute_limit,
            day_limit=event.day_limit,
        )
    )


def _update(tx: Connection, row: StoredEvent, key_id: str, **values: object) -> None:
    table = tables.api_key
    tx.execute(update(table).where(table.c.id == key_id).values(revision=row.version, **values))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
