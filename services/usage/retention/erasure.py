"""Erasure of a deleted key's callers: addresses, user agents and secrets' hints are emptied, counters stay.

Deletions come from the log of keys and requests from gates, in no order: so stored requests are erased, and later ones
are stored without them. Both hold the writer lock, so none slips in between. Messages already sent cannot be recalled.
No reset touches which keys are deleted: a log that was put back to before a deletion does not tell of it again.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, select, update

from services.usage import tables
from services.usage.alerting import tables as alerting_tables
from services.usage.alerting.evaluation import known_sources
from services.usage.known_keys.erased_keys import erased_of
from services.usage.notifications import tables as notification_tables
from services.usage.writer_lock import take_writer_lock
from shared.contracts.dead import DeletedKey, DeletedKeys
from shared.contracts.usage import RequestRecord
from shared.sql.database import upsert

_ERASED = {"address": "", "user_agent": "", "secret_hint": None}


def erase(tx: Connection, key_id: str) -> None:
    """Erases a key's callers from requests, last use, known sources, alerts and deliveries. Safe to run twice."""
    take_writer_lock(tx)
    tx.execute(upsert(tx, tables.erased_key).on_conflict_do_nothing(), {"key_id": key_id})
    request, last_use = tables.request, tables.last_use
    tx.execute(update(request).where(request.c.key_id == key_id).values(**_ERASED))
    tx.execute(update(last_use).where(last_use.c.key_id == key_id).values(address=""))
    known_sources.forget(tx, key_id)
    _rewrite(tx, alerting_tables.alert, "facts", key_id)
    _rewrite(tx, notification_tables.delivery, "payload", key_id)
    # A digest of an address could be reversed by trying all addresses: replaced, too.
    alert = alerting_tables.alert
    names_source = (alert.c.key_id == key_id, alert.c.kind == "new-source")
    tx.execute(update(alert).where(*names_source).values(fact=alert.c.id))


def without_erased(tx: Connection, records: Sequence[RequestRecord]) -> Sequence[RequestRecord]:
    """The records, with what is erased emptied where the key is deleted."""
    erased = erased_of(tx, {record.key_id for record in records if record.key_id is not None})
    if not erased:
        return records
    return [msgspec.structs.replace(record, **_ERASED) if record.key_id in erased else record for record in records]


def deleted_page(tx: Connection, after: str | None, limit: int) -> DeletedKeys:
    """At most `limit` deleted keys whose ids come after this one."""
    key_id = tables.erased_key.c.key_id
    query = select(key_id).order_by(key_id).limit(limit + 1)
    ids = tx.execute(query if after is None else query.where(key_id > after)).scalars().all()
    keys = tuple(DeletedKey(key_id=each) for each in ids[:limit])
    return DeletedKeys(keys=keys, next=ids[limit - 1] if len(ids) > limit else None)


def _rewrite(tx: Connection, table: Table, column: str, key_id: str) -> None:
    for row in tx.execute(select(table.c.id, table.c[column].label("document")).where(table.c.key_id == key_id)).all():
        erased = msgspec.json.encode(_erased(msgspec.json.decode(row.document))).decode()
        if erased != row.document:
            tx.execute(update(table).where(table.c.id == row.id).values({column: erased}))


def _erased(document: Any) -> Any:
    """The same JSON with all that is erased emptied, at any depth."""
    if isinstance(document, list):
        return [_erased(item) for item in document]
    if not isinstance(document, dict):
        return document
    return {name: _ERASED[name] if name in _ERASED else _erased(value) for name, value in document.items()}
