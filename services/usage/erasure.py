"""Forgetting who used a deleted key: addresses and user agents go, the counters stay.

A deletion is heard in the log of keys and requests come from gates, in no order: so what is stored is erased, and what
arrives later is stored without. Nothing arrives in between: both take their turn (turn.py).
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, delete, select, update

from services.usage import tables
from services.usage.many_rows import among
from services.usage.turn import take_turn
from shared.contracts.usage import RequestRecord
from shared.database import upsert


def erase(tx: Connection, key_id: str) -> None:
    """Safe to run twice."""
    take_turn(tx)
    tx.execute(upsert(tx, tables.erased_key).on_conflict_do_nothing(), {"key_id": key_id})
    request, last_use, alert = tables.request, tables.last_use, tables.alert
    tx.execute(update(request).where(request.c.key_id == key_id).values(address="", user_agent=""))
    tx.execute(update(last_use).where(last_use.c.key_id == key_id).values(address=""))
    for row in tx.execute(select(alert.c.id, alert.c.facts).where(alert.c.key_id == key_id)).all():
        facts = msgspec.json.decode(row.facts) | {"address": "", "user_agent": ""}
        tx.execute(update(alert).where(alert.c.id == row.id).values(facts=msgspec.json.encode(facts).decode()))


def without_erased(tx: Connection, records: Sequence[RequestRecord]) -> Sequence[RequestRecord]:
    """The records, those of deleted keys without address and user agent."""
    table = tables.erased_key
    used = {record.key_id for record in records if record.key_id is not None}
    if not used:
        return records
    erased = set(tx.execute(select(table.c.key_id).where(among(tx, table.c.key_id, used))).scalars())
    if not erased:
        return records
    return [
        msgspec.structs.replace(record, address="", user_agent="") if record.key_id in erased else record
        for record in records
    ]


def reset(tx: Connection) -> None:
    """Nothing that was erased comes back by it; the log, followed anew, names the deleted keys again."""
    tx.execute(delete(tables.erased_key))
