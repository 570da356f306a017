"""Projection of the catalogue's events into table `seismic_event`, in the transaction that appends them."""

from typing import Any, assert_never

import msgspec
from sqlalchemy import Connection, insert, update

from services.sensors.catalogue import tables
from services.sensors.catalogue.events import (
    CatalogueEvent,
    CatalogueEventAdded,
    CatalogueEventRevised,
    CatalogueEventWithdrawn,
)
from shared.eventsourcing.event_store import StoredEvent
from shared.values.timestamps import to_microseconds


def project(tx: Connection, row: StoredEvent, event: CatalogueEvent) -> None:
    table = tables.seismic_event
    match event:
        case CatalogueEventAdded():
            own = {"id": event.event_id, "created_us": to_microseconds(event.added_at)}
            own |= {"organisation_id": event.organisation_id, "source": event.source, "public_id": event.public_id}
            tx.execute(insert(table).values(own | _told(row, event)))
        case CatalogueEventRevised():
            tx.execute(update(table).where(table.c.id == event.event_id).values(_told(row, event)))
        case CatalogueEventWithdrawn():
            withdrawn = {"withdrawn": 1, "revision": row.version}
            tx.execute(update(table).where(table.c.id == event.event_id).values(withdrawn))
        case _:
            assert_never(event)


def _told(row: StoredEvent, event: CatalogueEventAdded | CatalogueEventRevised) -> dict[str, Any]:
    solution = event.solution
    return {
        "network_id": event.network_id,
        "origin_us": to_microseconds(solution.origin_time),
        "latitude": solution.latitude,
        "longitude": solution.longitude,
        "magnitude": solution.magnitude,
        "details": msgspec.json.encode(solution).decode(),
        "said_us": None if event.said_at is None else to_microseconds(event.said_at),
        "revision": row.version,
        "withdrawn": 0,
    }
