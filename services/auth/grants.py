"""Grants in auth's database: a projection of the log of keys, and the snapshot that starting gates load.

A grant says, by the digest of a key's secret, what that key may do.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Result, Row, bindparam, delete, insert, or_, select, update

from services.auth import tables
from services.auth.dead_secrets import dead_secret_store
from services.auth.dead_secrets.dead_secret_store import Change, follows_anew
from services.auth.integrity.dead_secret_rows import forget_damaged
from services.auth.integrity.grant_rows import GrantDamaged, as_row, damaged_grants, read_grant
from services.auth.integrity.tier_rows import as_row as tier_row
from services.auth.integrity.tier_rows import read_tiers
from shared.contracts.decoding import decode_all
from shared.contracts.envelope import CloudEvent
from shared.contracts.keys import SHAPES, OrganisationEvent, TierChanged
from shared.contracts.seen import SeenKey, SeenKeys
from shared.eventsourcing.event_store import Head
from shared.gate.grants.grant import Grant, Limits, Snapshot, evolve
from shared.replication.checkpoints import read_checkpoint
from shared.replication.feed import FeedUnavailable
from shared.sql.database import Database

FOLLOWER = "auth.grants"
_ROWS_AT_ONCE = 5000
_FORGET = delete(tables.grant).where(tables.grant.c.key_id == bindparam("of"))


def apply(tx: Connection, event: CloudEvent) -> None:
    """Applies one event of keys to the grants. Safe to run twice. What it raises parks the event."""
    apply_all(tx, (event,))


def apply_all(tx: Connection, events: Sequence[CloudEvent]) -> None:
    """Applies a page of events, folded in memory and written at once. Raises what `apply` raises for any of them."""
    publics = [public for event in events if (public := decode_all(event, SHAPES)) is not None]
    known = _load_all(tx, {public.key_id for public in publics if not isinstance(public, OrganisationEvent)})
    grants = dict(known)
    changes = []
    for public in publics:
        if isinstance(public, OrganisationEvent):
            _save_tier(tx, public)
        else:
            before = grants.get(public.key_id)
            grants[public.key_id] = after = evolve(before, public)
            changes.append(Change(before, after, public))
    dead_secret_store.keep(tx, changes)
    if known:
        tx.execute(_FORGET, [{"of": key_id} for key_id in known])
    if grants:
        tx.execute(insert(tables.grant), [as_row(grant) for grant in grants.values()])


def reset(tx: Connection) -> None:
    """Before a log is followed anew. Dead secrets stay, but for damaged ones, which the log tells again."""
    tx.execute(delete(tables.grant))
    tx.execute(delete(tables.organisation_tier))
    forget_damaged(tx)
    dead_secret_store.follow_anew(tx)


def settle(database: Database, head: Head) -> None:
    """To be called when a pull has reached this head: if the log was followed anew, judges the grants by what is dead.

    Not if it is being followed anew once more, by another process.
    """
    with database.reading(once=True) as tx:
        if not follows_anew(tx):
            return
    with database.transaction(unlimited=True) as tx:
        place = read_checkpoint(tx, tables.checkpoint, FOLLOWER, lock=True)
        if head.position == 0 or (place is not None and _is_there(place, head)):
            dead_secret_store.settle(tx)


def _is_there(place: Head, head: Head) -> bool:
    return place.epoch == head.epoch and place.position >= head.position


class GrantUncertain(Exception):
    """What the key may do is not known: an event of it or of its organisation could not be applied yet, its row is
    damaged, or the log is being followed anew.
    """


class NotCaughtUp(FeedUnavailable):
    """The log is being followed anew: until its head is reached, grants are as they were once."""

    def __init__(self) -> None:
        super().__init__("auth is following the log of keys from its beginning, and gives its grants at the end")


class GrantBook:
    """Reads the grants. `policy`: tier → limits."""

    def __init__(self, database: Database, policy: Mapping[str, Limits]) -> None:
        self._database, self._policy = database, policy

    def by_digest(self, digest: str) -> Grant | None:
        """The grant of the key that has this secret, or had it before it was replaced. Raises GrantUncertain."""
        table = tables.grant
        with self._database.reading() as tx:
            if follows_anew(tx):
                raise GrantUncertain("the log is followed anew")
            is_its = or_(table.c.digest == digest, table.c.previous_digest == digest)
            row = tx.execute(select(table).where(is_its)).one_or_none()
            unappliable = _unappliable(tx)
            try:
                grant = _by_replaced(tx, digest) if row is None else read_grant(row)
            except GrantDamaged as damaged:
                raise GrantUncertain(str(damaged)) from None
        if grant and not unappliable.isdisjoint((grant.key_id, grant.organisation_id)):
            raise GrantUncertain(grant.key_id)
        return grant

    def by_id(self, key_id: str) -> Grant | None:
        """The grant of the key that has this id. Raises GrantUncertain."""
        table = tables.grant
        with self._database.reading() as tx:
            if follows_anew(tx):
                raise GrantUncertain("the log is followed anew")
            row = tx.execute(select(table).where(table.c.key_id == key_id)).one_or_none()
            unappliable = _unappliable(tx)
        try:
            grant = None if row is None else read_grant(row)
        except GrantDamaged as damaged:
            raise GrantUncertain(str(damaged)) from None
        if grant and not unappliable.isdisjoint((grant.key_id, grant.organisation_id)):
            raise GrantUncertain(grant.key_id)
        return grant

    def snapshot(self) -> Snapshot:
        """All grants in one read transaction, with their place in the log.

        The state of a key with a parked event is unknown: `unappliable` names it, so that gates refuse it. A damaged
        row is left out, and its key or organisation named there, too. Raises NotCaughtUp.
        """
        with self._database.reading(unlimited=True) as tx:
            damaged = damaged_grants(tx)
            grants = tuple(
                msgspec.json.decode(body, type=Grant) for key_id, body in _bodies(tx) if key_id not in damaged
            )
            return replace(self._frame(tx, damaged), grants=grants)

    def snapshot_blocks(self) -> Iterator[bytes]:
        """The snapshot as it is sent (see snapshot_stream): stored bytes, read a part at a time. Raises NotCaughtUp."""
        with self._database.reading(unlimited=True) as tx:
            damaged = damaged_grants(tx)
            yield msgspec.json.encode(self._frame(tx, damaged))
            for rows in _bodies(tx).partitions(_ROWS_AT_ONCE):
                if lines := [body for key_id, body in rows if key_id not in damaged]:
                    yield "\n".join(lines).encode()

    def _frame(self, tx: Connection, damaged: Collection[str]) -> Snapshot:
        """The snapshot without its grants."""
        if follows_anew(tx):
            raise NotCaughtUp
        tiers, contracts, unknown = read_tiers(tx)
        return Snapshot(
            place=read_checkpoint(tx, tables.checkpoint, FOLLOWER),
            grants=(),
            tiers=tiers,
            contracts=contracts,
            policy=self._policy,
            unappliable=tuple(sorted(_unappliable(tx).union(damaged, unknown))),
        )


def seen_page(tx: Connection, after: str | None, limit: int) -> SeenKeys:
    """At most `limit` keys that the log has told of, whose ids come after this one. Of a damaged row the id alone."""
    table = tables.grant
    query = select(table).order_by(table.c.key_id).limit(limit + 1)
    rows = tx.execute(query if after is None else query.where(table.c.key_id > after)).all()
    keys = tuple(map(_seen, rows[:limit]))
    return SeenKeys(keys=keys, next=keys[-1].key_id if len(rows) > limit else None)


def _seen(row: Row[Any]) -> SeenKey:
    try:
        grant = read_grant(row)
    except GrantDamaged:
        return SeenKey(key_id=row.key_id, organisation_id="", hint=None)
    return SeenKey(key_id=grant.key_id, organisation_id=grant.organisation_id, hint=grant.hint or None)


def _bodies(tx: Connection) -> Result[str, str]:
    columns = tables.grant.c
    return tx.execute(select(columns.key_id, columns.body).execution_options(yield_per=_ROWS_AT_ONCE))


def _by_replaced(tx: Connection, digest: str) -> Grant | None:
    grant, dead = tables.grant, tables.dead_secret
    query = select(grant).join(dead, dead.c.key_id == grant.c.key_id).where(dead.c.digest == digest)
    row = tx.execute(query).one_or_none()
    known = None if row is None else read_grant(row)
    return known if known is not None and digest in known.replaced else None


def _unappliable(tx: Connection) -> set[str]:
    parked = tables.parked_event
    return set(tx.execute(select(parked.c.stream).where(parked.c.follower == FOLLOWER).distinct()).scalars())


def _load_all(tx: Connection, key_ids: set[str]) -> dict[str, Grant]:
    table = tables.grant
    rows = tx.execute(select(table).where(table.c.key_id.in_(key_ids))).all()
    return {row.key_id: read_grant(row) for row in rows}


def _save_tier(tx: Connection, event: OrganisationEvent) -> None:
    table = tables.organisation_tier
    is_this = table.c.organisation_id == event.organisation_id
    contract = event.contract if isinstance(event, TierChanged) else None
    row = tier_row(event.organisation_id, event.tier, contract)
    if tx.execute(update(table).where(is_this).values(row)).rowcount == 0:
        tx.execute(insert(table).values(row))
