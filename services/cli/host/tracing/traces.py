"""Traces that a request left in a service's database: itself, what it changed, who has followed, what was sent of it.

Logs have no index by request: each is read whole, in the database. Deliveries are read likewise.
"""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from services.service_registry import SERVICES
from shared.values.timestamps import rfc3339

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from shared.sql.database import Database

FOUND_MAX = 1000  # of each kind


def requests(database: "Database", request_id: str) -> Iterator[dict[str, Any]]:
    """Of usage's database: as the gate metered it. Several, where a caller gave one id to several."""
    from sqlalchemy import select

    from services.usage.tables import request

    wanted = select(request).where(request.c.request_id == request_id).order_by(request.c.at).limit(FOUND_MAX)
    with database.reading() as tx:
        for row in tx.execute(wanted):
            told = {name: getattr(row, name) for name in ("key_id", "method", "route", "status", "problem", "address")}
            yield {"at": _moment(row.at), "organisation_id": row.organisation_id, "duration_us": row.duration_us} | told


def changes(service: str, database: "Database", request_id: str) -> Iterator[dict[str, Any]]:
    """Rows of the log that it appended, without what they say: that may be sealed, or a person's."""
    from sqlalchemy import select

    log = SERVICES[service].module("tables").metadata.tables["log"]
    wanted = select(log).where(_says(log.c.metadata, request_id)).order_by(log.c.position).limit(FOUND_MAX)
    with database.reading() as tx:
        for row in tx.execute(wanted):
            stated = msgspec.json.decode(row.metadata)
            told = {"position": row.position, "stream": row.stream, "revision": row.version, "type": row.type}
            yield {
                "at": row.recorded_at,
                "service": service,
                "actor": stated["actor"],
                "message_id": _message(row),
            } | told


def followed_to(service: str, database: "Database") -> int | None:
    """How far a follower has applied the log of keys: a position. None: nothing yet."""
    from shared.replication.checkpoints import read_checkpoint

    known = SERVICES[service]
    with database.reading() as tx:
        place = read_checkpoint(tx, known.module("tables").checkpoint, known.assembly.FOLLOWER)
    return None if place is None else place.position


def deliveries(database: "Database", request_id: str, messages: Collection[str]) -> Iterator[dict[str, Any]]:
    """Of usage's database: about one of those messages, or about an alert that the request raised."""
    from sqlalchemy import or_, select

    from services.usage.notifications.tables import delivery, delivery_attempt

    about = or_(delivery.c.message_id.in_(messages), _says(delivery.c.payload, request_id))
    wanted = select(delivery).where(about).order_by(delivery.c.created_at).limit(FOUND_MAX)
    with database.reading() as tx:
        for row in tx.execute(wanted).all():
            tried = select(delivery_attempt).where(delivery_attempt.c.delivery_id == row.id)
            attempts = [
                {"at": _moment(attempt.at), "status": attempt.status, "fault": attempt.fault}
                for attempt in tx.execute(tried.order_by(delivery_attempt.c.number))
            ]
            told = {name: getattr(row, name) for name in ("id", "type", "channel_id", "message_id", "status")}
            yield {"at": _moment(row.created_at)} | told | {"attempts": attempts}


def _says(column: "ColumnElement[str]", request_id: str) -> "ColumnElement[bool]":
    """As JSON has it: a quotation mark inside another of its texts would stand behind a backslash."""
    return column.contains(f'"request_id":{msgspec.json.encode(request_id).decode()}', autoescape=True)


def _message(row: Any) -> str:
    """The webhook-id of the message about an event of keys."""
    from services.usage.notifications.message import MESSAGE_OF_EVENT

    return MESSAGE_OF_EVENT.format(row.hash)


def _moment(microseconds: int) -> str:
    return rfc3339(datetime.fromtimestamp(microseconds / 1_000_000, UTC))
