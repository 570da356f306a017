"""Grants in auth's database: a projection of the log of keys, and the snapshot that starting gates load.

A grant says, by the digest of a key's secret, what that key may do.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import Connection, ScalarResult, bindparam, delete, insert, or_, select, update

from services.auth import tables
from services.auth.dead_secrets import dead_secret_store
from services.auth.dead_secrets.dead_secret_store import Change, follows_anew
from shared.contracts.decoding import decode_all
from shared.contracts.envelope import CloudEvent
from shared.contracts.keys import SHAPES, OrganisationEvent
from shared.gate.grants.grant import Grant, Limits, Snapshot, evolve
from shared.replication.feed import FeedUnavailable
from shared.replication.sql_follower import read_checkpoint
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
        tx.execute(insert(tables.grant), [_as_row(grant) for grant in grants.values()])


def reset(tx: Connection) -> None:
    """Before a log is followed anew. Dead secrets stay."""
    tx.execute(delete(tables.grant))
    tx.execute(delete(tables.organisation_tier))
    dead_secret_store.follow_anew(tx)


def settle(database: Database) -> None:
    """To be called at the log's head: if it was followed anew, judges the grants by what is known dead."""
    with database.reading(once=True) as tx:
        if not follows_anew(tx):
            return
    with database.transaction(unlimited=True) as tx:
        read_checkpoint(tx, tables.checkpoint, FOLLOWER, lock=True)
        dead_secret_store.settle(tx)


class GrantUncertain(Exception):
    """What the key may do is not known: an event of it or of its organisation could not be applied yet, or the log is
    being followed anew.
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
            body = tx.execute(select(table.c.body).where(is_its)).scalar_one_or_none()
            grant = _by_replaced(tx, digest) if body is None else msgspec.json.decode(body, type=Grant)
            unappliable = _unappliable(tx)
        if grant and not unappliable.isdisjoint((grant.key_id, grant.organisation_id)):
            raise GrantUncertain(grant.key_id)
        return grant

    def snapshot(self) -> Snapshot:
        """All grants in one read transaction, with their place in the log.

        The state of a key with a parked event is unknown: `unappliable` names it, so that gates refuse it. Raises
        NotCaughtUp.
        """
        with self._database.reading(unlimited=True) as tx:
            grants = tuple(msgspec.json.decode(body, type=Grant) for body in _bodies(tx))
            return replace(self._frame(tx), grants=grants)

    def snapshot_blocks(self) -> Iterator[bytes]:
        """The snapshot as it is sent (see snapshot_stream): stored bytes, read a part at a time. Raises NotCaughtUp."""
        with self._database.reading(unlimited=True) as tx:
            yield msgspec.json.encode(self._frame(tx))
            for bodies in _bodies(tx).partitions(_ROWS_AT_ONCE):
                yield "\n".join(bodies).encode()

    def _frame(self, tx: Connection) -> Snapshot:
        """The snapshot without its grants."""
        if follows_anew(tx):
            raise NotCaughtUp
        return Snapshot(
            place=read_checkpoint(tx, tables.checkpoint, FOLLOWER),
            grants=(),
            tiers={row.organisation_id: row.tier for row in tx.execute(select(tables.organisation_tier))},
            policy=self._policy,
            unappliable=tuple(sorted(_unappliable(tx))),
        )


def _bodies(tx: Connection) -> ScalarResult[str]:
    return tx.execute(select(tables.grant.c.body).execution_options(yield_per=_ROWS_AT_ONCE)).scalars()


def _by_replaced(tx: Connection, digest: str) -> Grant | None:
    grant, dead = tables.grant, tables.dead_secret
    query = select(grant.c.body).join(dead, dead.c.key_id == grant.c.key_id).where(dead.c.digest == digest)
    body = tx.execute(query).scalar_one_or_none()
    known = None if body is None else msgspec.json.decode(body, type=Grant)
    return known if known is not None and digest in known.replaced else None


def _unappliable(tx: Connection) -> set[str]:
    parked = tables.parked_event
    return set(tx.execute(select(parked.c.stream).where(parked.c.follower == FOLLOWER).distinct()).scalars())


def _load_all(tx: Connection, key_ids: set[str]) -> dict[str, Grant]:
    table = tables.grant
    rows = tx.execute(select(table.c.key_id, table.c.body).where(table.c.key_id.in_(key_ids))).all()
    return {row.key_id: msgspec.json.decode(row.body, type=Grant) for row in rows}


def _as_row(grant: Grant) -> dict[str, object]:
    return {
        "key_id": grant.key_id,
        "digest": grant.digest,
        "previous_digest": grant.previous_digest,
        "body": msgspec.json.encode(grant, order="deterministic").decode(),
    }


def _save_tier(tx: Connection, event: OrganisationEvent) -> None:
    table = tables.organisation_tier
    is_this = table.c.organisation_id == event.organisation_id
    if tx.execute(update(table).where(is_this).values(tier=event.tier)).rowcount == 0:
        tx.execute(insert(table).values(organisation_id=event.organisation_id, tier=event.tier))
