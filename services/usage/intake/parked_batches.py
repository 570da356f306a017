"""Dead letters of intake: batches that cannot be counted, each with its reason, for an operator to see.

Nothing is lost: a gate keeps each batch until it is told that the batch is counted, and sends it again. So a batch from
a far future is counted when its time has come, and one of a newer schema version once usage is upgraded. So what is
kept can be bounded: in rows for each account, so that nobody's junk takes another's place, and in bytes for each row.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, bindparam, delete, func, select

from services.usage import tables
from shared.contracts.usage import RequestMetered
from shared.observability.redaction import redact
from shared.sql.database import Database, upsert
from shared.values.timestamps import from_microseconds, to_microseconds

PARKED_MAX = 250  # of one account
# As JSON in ASCII. A gate's batch is of 256 KiB and a record, of which a user agent takes thrice its bytes at most.
BODY_BYTES_MAX = 1024 * 1024
_REASON_CHARACTERS = 200
_NAMED = re.compile(r"[!-~]{1,64}", re.ASCII)
_FORGET = delete(tables.parked_batch).where(tables.parked_batch.c.id.in_(bindparam("counted", expanding=True)))
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedBatch:
    """`id`: segment/start of the batch, or the SHA-256 of its body when it has no such name."""

    id: str
    reason: str
    parked_at: datetime


class ParkedBatches:
    def __init__(self, database: Database) -> None:
        self._database = database

    def park(self, body: object, reason: str, now: datetime, account: str | None = None) -> None:
        """Parks the batch once, however often it is sent; the latest reason stands.

        Beyond PARKED_MAX batches of its account it is only logged. Of a body larger than any gate's, its size and its
        digest are kept.
        """
        table, reason = tables.parked_batch, redact(reason)[:_REASON_CHARACTERS]
        text = _text(body)
        kept = text if len(text) <= BODY_BYTES_MAX else _text({"bytes": len(text), "sha256": _digest(text)})
        row = {"id": _id(body, text), "reason": reason, "body": kept, "parked_at": to_microseconds(now)}
        row["account"] = account
        of_account = select(func.count()).where(table.c.account.is_not_distinct_from(account))
        with self._database.transaction() as tx:
            is_known = tx.execute(select(table.c.id).where(table.c.id == row["id"])).first() is not None
            if is_known or tx.execute(of_account).scalar_one() < PARKED_MAX:
                statement = upsert(tx, table).values(row)
                tx.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"reason": reason}))
        _log.warning("batch_parked", batch=row["id"], reason=reason)

    def all(self) -> tuple[ParkedBatch, ...]:
        """Oldest first."""
        table = tables.parked_batch
        query = select(table.c.id, table.c.reason, table.c.parked_at).order_by(table.c.parked_at, table.c.id)
        with self._database.reading() as tx:
            rows = tx.execute(query).all()
        return tuple(
            ParkedBatch(id=row.id, reason=row.reason, parked_at=from_microseconds(row.parked_at)) for row in rows
        )

    def sent(self, batch_id: str) -> tuple[Any, str | None]:
        """The batch's body as it was sent, decoded from JSON, and the account that sent it, where that is known.

        Of one that was too large, `bytes` and `sha256` of its JSON.
        """
        table = tables.parked_batch
        with self._database.reading() as tx:
            body, account = tx.execute(select(table.c.body, table.c.account).where(table.c.id == batch_id)).one()
        return json.loads(body), account


def forget(tx: Connection, batches: Sequence[RequestMetered]) -> None:
    """Removes the batches from the parked ones: they are counted now."""
    tx.execute(_FORGET, {"counted": [f"{batch.segment}/{batch.start}" for batch in batches]})


def _id(body: object, text: str) -> str:
    if isinstance(body, dict):
        segment, start = body.get("segment"), body.get("start")
        named = f"{segment}/{start}"
        if isinstance(segment, str) and isinstance(start, int) and _NAMED.fullmatch(named):
            return named
    return _digest(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _text(body: object) -> str:
    """JSON in ASCII: the body may hold characters that no database stores as they are."""
    return json.dumps(body)
