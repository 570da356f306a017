"""Rows of dead secrets: written with a checksum. One that does not fit stays dead, whatever it says of why.

It goes when the log is followed anew, which writes it again: a log that lacks what ended the secret would have diverged
from the heads that are kept, and is not followed.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from services.auth import tables
from shared.contracts.dead import DeadSecret
from shared.observability import metrics
from shared.values.row_checksum import fits, row_checksum
from shared.values.timestamps import from_stored, rfc3339

_COLUMNS = ("digest", "key_id", "organisation_id", "hint", "why", "at")
_ROWS_AT_ONCE = 5000
_FOR_GOOD, _SOME_TIME = "revoked", datetime(1970, 1, 1, tzinfo=UTC)


class DeadSecretDamaged(Exception):
    """An event that would write the row anew is parked, or the damage would be made right."""


def read_dead_secret(row: Row[Any]) -> DeadSecret:
    """A damaged one is told as of a revoked key, and counted."""
    is_sound = _is_sound(row)
    if is_sound:
        return _as_written(row)
    metrics.damaged_rows.labels("dead_secret").inc()
    return DeadSecret(
        digest=row.digest,
        key_id=row.key_id,
        organisation_id=row.organisation_id,
        hint=row.hint,
        why=_FOR_GOOD,
        at=_SOME_TIME,
    )


def read_unchecked(row: Row[Any]) -> DeadSecret:
    """For who changes nothing by it, or calls `require_sound` before. Raises DeadSecretDamaged."""
    try:
        return _as_written(row)
    except (ValueError, TypeError):
        raise DeadSecretDamaged from None


def require_sound(rows: Iterable[Row[Any]]) -> None:
    """Raises DeadSecretDamaged."""
    if not all(map(_is_sound, rows)):
        raise DeadSecretDamaged


def as_row(dead: DeadSecret) -> dict[str, Any]:
    values = {name: getattr(dead, name) for name in _COLUMNS if name != "at"} | {"at": rfc3339(dead.at)}
    return values | {"checksum": row_checksum(*values.values())}


def damaged_dead_secrets(tx: Connection, after: str = "", limit: int | None = None) -> frozenset[str]:
    """Their digests, among the next ones after a digest; counted."""
    table = tables.dead_secret
    query = select(table).where(table.c.digest > after).order_by(table.c.digest).limit(limit)
    rows = tx.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)).partitions()
    damaged = frozenset(row.digest for some in rows for row in some if not _is_sound(row))
    if damaged:
        metrics.damaged_rows.labels("dead_secret").inc(len(damaged))
    return damaged


def forget_damaged(tx: Connection) -> None:
    """Before the log is followed anew."""
    for digest in damaged_dead_secrets(tx):
        tx.execute(delete(tables.dead_secret).where(tables.dead_secret.c.digest == digest))


def _as_written(row: Row[Any]) -> DeadSecret:
    values: tuple[Any, ...] = tuple(row)
    digest, key_id, organisation_id, hint, why, at, _ = values
    return DeadSecret(
        digest=digest, key_id=key_id, organisation_id=organisation_id, hint=hint, why=why, at=from_stored(at)
    )


def _is_sound(row: Row[Any]) -> bool:
    """By position, for the table's columns are in the order of the checksum's: three times as fast as by name."""
    values: tuple[Any, ...] = tuple(row)
    return fits(values[-1], *values[:-1])
