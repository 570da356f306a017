"""Projection of network events into tables `network` and `closed_network`, in the transaction that appends them."""

from typing import Any, assert_never

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from services.sensors import tables
from services.sensors.networks.events import (
    Detection,
    NetworkAccessChanged,
    NetworkArchived,
    NetworkCreated,
    NetworkDeleted,
    NetworkDescribed,
    NetworkDetectionChanged,
    NetworkEvent,
    NetworkUnarchived,
)
from shared.eventsourcing.event_store import StoredEvent
from shared.values.timestamps import rfc3339


def project(tx: Connection, row: StoredEvent, event: NetworkEvent) -> None:
    table = tables.network
    match event:
        case NetworkCreated():
            tx.execute(insert(table).values(_created(event) | {"revision": row.version}))
        case NetworkDeleted():
            _keep_closed(tx, event)
            tx.execute(delete(table).where(table.c.id == event.network_id))
        case _:
            values = _changed(event) | {"revision": row.version}
            tx.execute(update(table).where(table.c.id == event.network_id).values(values))


def _keep_closed(tx: Connection, event: NetworkDeleted) -> None:
    """What keys did not reach of the network, they do not reach without it."""
    table, kept = tables.network, tables.closed_network
    closed = select(table.c.id, table.c.organisation_id)
    closed = closed.where(table.c.id == event.network_id, table.c.api_access.is_(False))
    tx.execute(insert(kept).from_select([kept.c.id, kept.c.organisation_id], closed))


def _created(event: NetworkCreated) -> dict[str, Any]:
    return {
        "id": event.network_id,
        "organisation_id": event.organisation_id,
        "name": event.name,
        "description": event.description,
        "api_access": event.api_access,
        "accepts_new": event.accepts_new,
        "archived": False,
        "detection": _text(event.detection),
        "created_at": rfc3339(event.created_at),
    }


def _changed(
    event: NetworkDescribed | NetworkAccessChanged | NetworkDetectionChanged | NetworkArchived | NetworkUnarchived,
) -> dict[str, Any]:
    match event:
        case NetworkDescribed():
            return {"name": event.name, "description": event.description}
        case NetworkAccessChanged():
            return {"api_access": event.api_access, "accepts_new": event.accepts_new}
        case NetworkDetectionChanged():
            return {"detection": _text(event.detection)}
        case NetworkArchived() | NetworkUnarchived():
            return {"archived": isinstance(event, NetworkArchived)}
        case _:
            assert_never(event)


def _text(detection: Detection) -> str:
    return msgspec.json.encode(detection).decode()
