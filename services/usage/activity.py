"""What happened with a key, newest first: its life, which keys tells, and its requests, which are here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from services.usage import tables
from services.usage.moments import microseconds, moment
from shared.database import Database
from shared.times import from_rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One answered request. `duration_ms`: from the gate's first look to the answer."""

    at: datetime
    method: str
    route: str
    status: int
    address: str
    user_agent: str
    duration_ms: float
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the timeline: a request, or an event of the key's life as keys' history tells it."""

    at: datetime
    request: Request | None = None
    lifecycle: Mapping[str, Any] | None = None


class Activity:
    def __init__(self, database: Database) -> None:
        self._database = database

    def requests(self, key_id: str, limit: int, before: datetime | None) -> tuple[Request, ...]:
        """The last ones before that moment, newest first."""
        table = tables.request
        query = select(table).where(table.c.key_id == key_id)
        if before is not None:
            query = query.where(table.c.at < microseconds(before))
        with self._database.reading() as tx:
            rows = tx.execute(query.order_by(table.c.at.desc(), table.c.id.desc()).limit(limit)).all()
        return tuple(
            Request(
                at=moment(row.at),
                method=row.method,
                route=row.route,
                status=row.status,
                address=row.address,
                user_agent=row.user_agent,
                duration_ms=row.duration_us / 1000,
                request_id=row.request_id,
            )
            for row in rows
        )


def timeline(
    history: Iterable[Mapping[str, Any]], requests: Iterable[Request], limit: int, before: datetime | None
) -> tuple[Entry, ...]:
    """Both in one, newest first, `limit` at most. `history`: the answer of `keys.history`."""
    lived = (Entry(at=from_rfc3339(happening["at"]), lifecycle=happening) for happening in history)
    entries = [entry for entry in lived if before is None or entry.at < before]
    entries += [Entry(at=request.at, request=request) for request in requests]
    entries.sort(key=lambda entry: entry.at, reverse=True)
    return tuple(entries[:limit])
