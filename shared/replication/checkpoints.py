"""Checkpoints of followers: how far each has applied another service's log, with a checksum of the row."""

import functools
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    Select,
    String,
    Table,
    bindparam,
    insert,
    select,
    update,
)

from shared.eventsourcing.event_store import Head
from shared.values.row_checksum import fits, row_checksum


class CheckpointDamaged(Exception):
    """The row is not as it was written: how far the follower is, is not known."""

    def __init__(self, follower: str) -> None:
        super().__init__(f"the checkpoint of {follower} does not match its checksum")


def checkpoint_table(metadata: MetaData) -> Table:
    """`checksum`: of the other columns; none where a release before checksums wrote the row."""
    return Table(
        "checkpoint",
        metadata,
        Column("follower", String(64), primary_key=True),
        Column("epoch", String(32), nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("hash", String(64), nullable=False),
        Column("checksum", BigInteger),
    )


def read_checkpoint(tx: Connection, table: Table, follower: str, *, lock: bool = False) -> Head | None:
    """Raises CheckpointDamaged."""
    row = tx.execute(_place(table, lock), {"of": follower}).one_or_none()
    if row is None:
        return None
    if not fits(row.checksum, row.follower, row.epoch, row.position, row.hash):
        raise CheckpointDamaged(follower)
    return Head(epoch=row.epoch, position=row.position, hash=row.hash)


@functools.cache
def _place(table: Table, lock: bool) -> Select[Any]:
    """Made once: followers read it each second."""
    query = select(table).where(table.c.follower == bindparam("of"))
    return query.with_for_update() if lock else query


def write_checkpoint(tx: Connection, table: Table, follower: str, place: Head) -> None:
    checksum = row_checksum(follower, place.epoch, place.position, place.hash)
    values = {"epoch": place.epoch, "position": place.position, "hash": place.hash, "checksum": checksum}
    moved = tx.execute(update(table).where(table.c.follower == follower).values(values))
    if moved.rowcount == 0:
        tx.execute(insert(table).values(follower=follower, **values))
