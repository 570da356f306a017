"""Takes in batches of metered requests: each once, for ever, however often it is sent."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from services.usage import tables
from services.usage.alert import raise_alerts
from services.usage.erasure import without_erased
from services.usage.moments import microseconds
from shared import metrics
from shared.clock import Clock
from shared.contracts.usage import KeyUsed, RequestMetered, RequestRecord
from shared.database import Database, upsert

_MINUTE_US = 60_000_000


class Metering:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._used: dict[str, datetime] = {}

    def take_in(self, batch: RequestMetered) -> bool:
        """Counts the batch unless it was counted before; whether it was new. All of it or nothing."""
        with self._database.transaction() as tx:
            if _is_counted(tx, batch):
                metrics.batches_counted.labels("repeated").inc()
                return False
            tx.execute(
                insert(tables.batch).values(
                    segment=batch.segment,
                    start=batch.start,
                    end=batch.end,
                    requests=sum(record.requests for record in batch.records),
                )
            )
            records = without_erased(tx, batch.records)
            _keep(tx, records)
            _count(tx, records)
            used = _last_uses(records)
            _keep_last_uses(tx, used)
            raise_alerts(tx, records, self._clock.now())
        for key_id, at in used.items():
            # Batches come in any order; what is told is the last use, not the last one heard of.
            self._used[key_id] = max(at, self._used.get(key_id, at))
        metrics.batches_counted.labels("counted").inc()
        return True

    def take_recently_used(self) -> KeyUsed | None:
        """The keys used since this was last asked; None if there were none."""
        used, self._used = self._used, {}
        return KeyUsed(last_used=used) if used else None


def _is_counted(tx: Connection, batch: RequestMetered) -> bool:
    table = tables.batch
    same = select(table.c.end).where(table.c.segment == batch.segment, table.c.start == batch.start)
    return tx.execute(same).first() is not None


def _keep(tx: Connection, records: Sequence[RequestRecord]) -> None:
    rows = [
        {
            "at": microseconds(record.at),
            "key_id": record.key_id,
            "organisation_id": record.organisation_id,
            "request_id": record.request_id,
            "method": record.method,
            "route": record.route,
            "status": record.status,
            "cost": record.cost,
            "duration_us": record.duration_us,
            "size": record.size,
            "address": record.address,
            "user_agent": record.user_agent,
            "requests": record.requests,
        }
        for record in records
    ]
    if rows:
        tx.execute(insert(tables.request), rows)


def _count(tx: Connection, records: Iterable[RequestRecord]) -> None:
    requests: Counter[tuple[str, int, str, int]] = Counter()
    costs: Counter[tuple[str, int, str, int]] = Counter()
    for record in records:
        if record.key_id is None:
            continue
        place = (record.key_id, microseconds(record.at) // _MINUTE_US, record.route, record.status)
        requests[place] += record.requests
        costs[place] += record.cost
    _add(
        tx,
        tables.counter,
        [
            {"key_id": key_id, "minute": minute, "route": route, "status": status, "requests": n, "cost": costs[place]}
            for place, n in requests.items()
            for key_id, minute, route, status in [place]
        ],
    )


def _last_uses(records: Iterable[RequestRecord]) -> dict[str, datetime]:
    """Only requests that the gate let pass are uses."""
    used: dict[str, datetime] = {}
    for record in records:
        if record.key_id is not None and record.cost:
            used[record.key_id] = max(record.at, used.get(record.key_id, record.at))
    return used


def _add(tx: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Adds to the counts that are there, or begins them."""
    if not rows:
        return
    statement = upsert(tx, table)
    statement = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: table.c[name] + statement.excluded[name] for name in ("requests", "cost")},
    )
    tx.execute(statement, rows)


def _keep_last_uses(tx: Connection, used: dict[str, datetime]) -> None:
    if not used:
        return
    table = tables.last_use
    statement = upsert(tx, table)
    statement = statement.on_conflict_do_update(
        index_elements=[table.c.key_id],
        set_={"at": statement.excluded.at},
        where=statement.excluded.at > table.c.at,
    )
    tx.execute(statement, [{"key_id": key_id, "at": microseconds(at)} for key_id, at in used.items()])
