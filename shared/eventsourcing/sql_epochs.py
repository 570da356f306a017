"""Epochs of a log in SQL, with the events that began them; an event that is not of its place counts for nothing."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Table, select

from shared.eventsourcing.epochs import LOG_RESTORED, Epoch, Epochs, LogRestored
from shared.eventsourcing.event_store import genesis_hash


def read_epochs(tx: Connection, log: Table, head: Table, epoch: Table) -> Epochs:
    began, before = log.alias("began"), log.alias("before")
    first = tx.execute(select(head.c.epoch)).scalar_one()
    rows = tx.execute(
        select(epoch.c.epoch, epoch.c.from_position, began.c.type, began.c.data, before.c.hash)
        .outerjoin(began, began.c.position == epoch.c.from_position)
        .outerjoin(before, before.c.position == epoch.c.from_position - 1)
        .order_by(epoch.c.from_position)
    ).all()
    later = tuple(Epoch(row.epoch, row.from_position) for row in rows)
    restorations = tuple(restored for row in rows if (restored := _restoration(row, genesis_hash(first))))
    return Epochs(first=first, later=later, restorations=restorations)


def _restoration(row: Any, genesis: str) -> LogRestored | None:
    """The event that began the epoch; None where the row there is no such event, or not of that place."""
    if row.type != LOG_RESTORED:
        return None
    try:
        restored = msgspec.json.decode(row.data, type=LogRestored)
    except msgspec.DecodeError:
        return None
    place = (row.from_position - 1, row.hash or genesis, row.epoch)
    return restored if (restored.position, restored.hash, restored.to_epoch) == place else None
