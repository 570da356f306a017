"""Grants in auth's database: a projection of the log of keys, and the snapshot that starting gates load.

A grant says, by the digest of a key's secret, what that key may do.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Result, Row, bindparam, delete, insert, or_, select, update

from services.auth import tables
from shared.contracts.decoding import decode_all
from shared.contracts.envelope import CloudEvent
from shared.contracts.keys import SHAPES, OrganisationEvent, OrganisationRegistered, TierChanged
from shared.gate.grants.grant import Grant, Limits, Snapshot, evolve
from shared.observability import metrics
from shared.replication.checkpoints import read_checkpoint
from shared.sql.database import Database
from shared.values.row_checksum import fits, row_checksum

FOLLOWER = "auth.grants"
_ROWS_AT_ONCE = 5000
_FORGET = delete(tables.grant).where(tables.grant.c.key_id == bindparam("of"))


def apply(tx: Connection, event: CloudEvent) -> None:
    """Applies one event of keys to the grants. Safe to run twice. What it raises parks the event."""
    public = decode_all(event, SHAPES)
    match public:
        case None:
            return
        case OrganisationRegistered() | TierChanged():
            _save_tier(tx, public)
        case _:
            _save(tx, evolve(_load(tx, public.key_id), public))


def apply_all(tx: Connection, events: Sequence[CloudEvent]) -> None:
    """Applies a page of events, folded in memory and written at once. Raises what `apply` raises for any of them."""
    publics = [public for event in events if (public := decode_all(event, SHAPES)) is not None]
    known = _load_all(tx, {public.key_id for public in publics if not isinstance(public, OrganisationEvent)})
    grants = dict(known)
    for public in publics:
        if isinstance(public, OrganisationEvent):
            _save_tier(tx, public)
        else:
            grants[public.key_id] = evolve(grants.get(public.key_id), public)
    if known:
        tx.execute(_FORGET, [{"of": key_id} for key_id in known])
    if grants:
        tx.execute(insert(tables.grant), [_as_row(grant) for grant in grants.values()])


def reset(tx: Connection) -> None:
    tx.execute(delete(tables.grant))
    tx.execute(delete(tables.organisation_tier))


class GrantUncertain(Exception):
    """What the key may do is not known: an event could not be applied yet, or its row is damaged."""


class GrantDamaged(GrantUncertain):
    """The row is not as it was written. It is never read on: an event that changes it is parked."""


class GrantBook:
    """Reads the grants. `policy`: tier → limits."""

    def __init__(self, database: Database, policy: Mapping[str, Limits]) -> None:
        self._database, self._policy = database, policy

    def by_digest(self, digest: str) -> Grant | None:
        """The grant of a key's present or previous secret, whose grace may have ended. Raises GrantUncertain."""
        table = tables.grant
        with self._database.reading() as tx:
            is_its = or_(table.c.digest == digest, table.c.previous_digest == digest)
            row = tx.execute(select(table).where(is_its)).one_or_none()
            unappliable = _unappliable(tx)
        grant = None if row is None else _grant(row)
        if grant and not unappliable.isdisjoint((grant.key_id, grant.organisation_id)):
            raise GrantUncertain(grant.key_id)
        return grant

    def snapshot(self) -> Snapshot:
        """All grants in one read transaction, with their place in the log.

        The state of a key with a parked event is unknown: `unappliable` names it, so that gates refuse it. A damaged
        row is left out, and its key named there, too.
        """
        with self._database.reading(unlimited=True) as tx:
            damaged = damaged_grants(tx)
            grants = tuple(
                msgspec.json.decode(body, type=Grant) for key_id, body in _bodies(tx) if key_id not in damaged
            )
            return replace(self._frame(tx, damaged), grants=grants)

    def snapshot_blocks(self) -> Iterator[bytes]:
        """The snapshot as it is sent (see snapshot_stream): stored bytes, read a part at a time."""
        with self._database.reading(unlimited=True) as tx:
            damaged = damaged_grants(tx)
            yield msgspec.json.encode(self._frame(tx, damaged))
            for rows in _bodies(tx).partitions(_ROWS_AT_ONCE):
                if lines := [body for key_id, body in rows if key_id not in damaged]:
                    yield "\n".join(lines).encode()

    def _frame(self, tx: Connection, damaged: Collection[str]) -> Snapshot:
        """The snapshot without its grants."""
        return Snapshot(
            place=read_checkpoint(tx, tables.checkpoint, FOLLOWER),
            grants=(),
            tiers={row.organisation_id: row.tier for row in tx.execute(select(tables.organisation_tier))},
            policy=self._policy,
            unappliable=tuple(sorted(_unappliable(tx).union(damaged))),
        )


def damaged_grants(tx: Connection, after: str = "", limit: int | None = None) -> frozenset[str]:
    """Ids of keys whose row does not match its checksum, of those after an id; counted."""
    table = tables.grant
    query = select(table).where(table.c.key_id > after).order_by(table.c.key_id).limit(limit)
    rows = tx.execute(query.execution_options(yield_per=_ROWS_AT_ONCE))
    damaged = frozenset(row.key_id for row in rows if not _is_sound(row))
    if damaged:
        metrics.damaged_rows.labels("grant").inc(len(damaged))
    return damaged


def grants_after(tx: Connection, after: str, rows: int) -> str:
    """The id of the last of the next rows after an id; "" where there are no more."""
    key_id = tables.grant.c.key_id
    query = select(key_id).where(key_id > after).order_by(key_id).offset(rows - 1).limit(1)
    return tx.execute(query).scalar_one_or_none() or ""


def _bodies(tx: Connection) -> Result[str, str]:
    columns = tables.grant.c
    return tx.execute(select(columns.key_id, columns.body).execution_options(yield_per=_ROWS_AT_ONCE))


def _grant(row: Row[Any]) -> Grant:
    """Raises GrantDamaged."""
    if not _is_sound(row):
        metrics.damaged_rows.labels("grant").inc()
        raise GrantDamaged(row.key_id)
    return msgspec.json.decode(row.body, type=Grant)


def _is_sound(row: Row[Any]) -> bool:
    return fits(row.checksum, row.key_id, row.digest, row.previous_digest, row.body)


def _unappliable(tx: Connection) -> set[str]:
    parked = tables.parked_event
    return set(tx.execute(select(parked.c.stream).where(parked.c.follower == FOLLOWER).distinct()).scalars())


def _load(tx: Connection, key_id: str) -> Grant | None:
    table = tables.grant
    row = tx.execute(select(table).where(table.c.key_id == key_id)).one_or_none()
    return None if row is None else _grant(row)


def _load_all(tx: Connection, key_ids: set[str]) -> dict[str, Grant]:
    table = tables.grant
    rows = tx.execute(select(table).where(table.c.key_id.in_(key_ids))).all()
    return {row.key_id: _grant(row) for row in rows}


def _save(tx: Connection, grant: Grant) -> None:
    table, values = tables.grant, _as_row(grant)
    if tx.execute(update(table).where(table.c.key_id == grant.key_id).values(values)).rowcount == 0:
        tx.execute(insert(table).values(values))


def _as_row(grant: Grant) -> dict[str, object]:
    values = {
        "key_id": grant.key_id,
        "digest": grant.digest,
        "previous_digest": grant.previous_digest,
        "body": msgspec.json.encode(grant, order="deterministic").decode(),
    }
    return values | {"checksum": row_checksum(*values.values())}


def _save_tier(tx: Connection, event: OrganisationEvent) -> None:
    table = tables.organisation_tier
    is_this = table.c.organisation_id == event.organisation_id
    if tx.execute(update(table).where(is_this).values(tier=event.tier)).rowcount == 0:
        tx.execute(insert(table).values(organisation_id=event.organisation_id, tier=event.tier))
