"""Who should know: facts that usage finds in the requests it takes in. One alert for one fact and day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection, select

from services.usage import tables
from services.usage.moments import microseconds, moment
from shared.contracts.usage import RequestRecord
from shared.database import Database, upsert
from shared.identifiers import new_id

DEAD_KEY_USED = "dead-key-used"
_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The first request that met the rule: enough to find it, and where it came from."""

    at: datetime
    request_id: str
    route: str
    address: str
    user_agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    id: str
    kind: str
    organisation_id: str
    key_id: str
    facts: Facts
    raised_at: datetime


def dead_keys_used(records: Iterable[RequestRecord]) -> dict[tuple[str, str], RequestRecord]:
    """(key, UTC day) → the first request with a key that is revoked, suspended or expired.

    The gate names the key only when the caller holds its right secret: somebody still uses it.
    """
    found: dict[tuple[str, str], RequestRecord] = {}
    for record in sorted(records, key=lambda record: record.at):
        if record.key_id is not None and record.status == _UNAUTHORIZED:
            found.setdefault((record.key_id, record.at.astimezone(UTC).date().isoformat()), record)
    return found


def raise_alerts(tx: Connection, records: Iterable[RequestRecord], now: datetime) -> None:
    """Beside the counting, in its transaction; the day's alert stands once, whoever meets the fact again."""
    rows = [
        {
            "id": new_id("alr"),
            "kind": DEAD_KEY_USED,
            "organisation_id": record.organisation_id,
            "key_id": key_id,
            "period": day,
            "facts": msgspec.json.encode(_facts(record)).decode(),
            "raised_at": microseconds(now),
        }
        for (key_id, day), record in dead_keys_used(records).items()
    ]
    if rows:
        tx.execute(upsert(tx, tables.alert).on_conflict_do_nothing(), rows)


class Alerts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of_organisation(self, organisation_id: str, limit: int) -> tuple[Alert, ...]:
        """Newest first."""
        table = tables.alert
        query = select(table).where(table.c.organisation_id == organisation_id)
        with self._database.reading() as tx:
            rows = tx.execute(query.order_by(table.c.raised_at.desc(), table.c.id).limit(limit)).all()
        return tuple(
            Alert(
                id=row.id,
                kind=row.kind,
                organisation_id=row.organisation_id,
                key_id=row.key_id,
                facts=msgspec.json.decode(row.facts, type=Facts),
                raised_at=moment(row.raised_at),
            )
            for row in rows
        )


def _facts(record: RequestRecord) -> Facts:
    return Facts(
        at=record.at,
        request_id=record.request_id,
        route=record.route,
        address=record.address,
        user_agent=record.user_agent,
    )
