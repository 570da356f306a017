"""Rows of grants: written with a checksum, and read only if it fits."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from services.auth import tables
from shared.gate.grants.grant import Grant
from shared.observability import metrics
from shared.values.row_checksum import fits, row_checksum

_ROWS_AT_ONCE = 5000
_decoder = msgspec.json.Decoder(Grant)


class GrantDamaged(Exception):
    """The row is not as it was written. It is never read on: an event that would change it is parked."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"the grant of {key_id} does not match its checksum")


def read_grant(row: Row[Any]) -> Grant:
    """Raises GrantDamaged, and counts it."""
    if not _is_sound(row):
        metrics.damaged_rows.labels("grant").inc()
        raise GrantDamaged(row.key_id)
    return _decoder.decode(row.body)


def as_row(grant: Grant) -> Mapping[str, object]:
    values = {
        "key_id": grant.key_id,
        "digest": grant.digest,
        "previous_digest": grant.previous_digest,
        "body": msgspec.json.encode(grant, order="deterministic").decode(),
    }
    return values | {"checksum": row_checksum(*values.values())}


def damaged_grants(tx: Connection, after: str = "", limit: int | None = None) -> frozenset[str]:
    """Ids of keys whose row does not match its checksum, among the next ones after an id; counted."""
    table = tables.grant
    query = select(table).where(table.c.key_id > after).order_by(table.c.key_id).limit(limit)
    rows = tx.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)).partitions()
    damaged = frozenset(row.key_id for some in rows for row in some if not _is_sound(row))
    if damaged:
        metrics.damaged_rows.labels("grant").inc(len(damaged))
    return damaged


def _is_sound(row: Row[Any]) -> bool:
    return fits(row.checksum, row.key_id, row.digest, row.previous_digest, row.body)
