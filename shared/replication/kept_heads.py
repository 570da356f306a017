"""Kept heads: where a follower has seen another service's log end. No restart drops them, so audits can compare.

While one log is followed without a break, each head implies those before it, for every event is checked against the
hash before: so all but the last of an hour go. What was seen before a break stays for ever, for the log that is
followed after it may be another.
"""

from itertools import pairwise
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    MetaData,
    Row,
    String,
    Table,
    and_,
    case,
    delete,
    false,
    func,
    insert,
    inspect,
    or_,
    select,
    true,
    update,
)

from shared.eventsourcing.audit import Anchor
from shared.eventsourcing.event_store import Head
from shared.replication.heads.held_heads import Remembered
from shared.replication.proof.signed_heads import SignedHead
from shared.sql.database import upsert

_HOUR_LETTERS, _MINUTE_LETTERS = len("2026-11-28T12"), len("2026-11-28T12:30")


def kept_head_table(metadata: MetaData) -> Table:
    """`signer`, `signature`: empty of a checkpoint, which nobody signed as such. `offered`: as of SignedHead."""
    return Table(
        "kept_head",
        metadata,
        Column("follower", String(64), primary_key=True),
        Column("epoch", String(32), primary_key=True),
        Column("position", BigInteger, primary_key=True),
        Column("hash", String(64), primary_key=True),
        Column("seen_at", String(27), nullable=False),
        Column("signer", String(43), nullable=False),
        Column("signature", String(88), nullable=False),
        Column("is_final", Boolean, nullable=False),
        Column("offered", BigInteger),
    )


class KeptHeads:
    def __init__(self, follower: str, table: Table) -> None:
        self._follower, self._table = follower, table
        self._newest: SignedHead | None = None
        columns = table.c
        # By position while one log is followed: hosts that sign have clocks of their own.
        place = case((columns.is_final == true(), 0), else_=columns.position)
        # Made once: each pull asks.
        self._select_newest = (
            select(table)
            .where(columns.follower == follower, columns.signature != "")
            .order_by(columns.is_final, place.desc(), columns.seen_at.desc(), columns.position.desc())
            .limit(1)
        )

    def is_new(self, head: SignedHead | None) -> bool:
        """Whether there is anything to keep: asked at each pull, and true while the log grows, else once a minute."""
        return head is not None and head != self._newest

    def keep(self, tx: Connection, head: SignedHead) -> None:
        """Keeps a head that the log's service signed, and lets go all but the last of each hour that is over.

        Of a log that stands still, the last signature of the same place: it says how lately this was seen.
        """
        self._let_go_of_minute(tx, head)
        self._insert(tx, head, is_final=False)
        self._thin(tx)
        self._newest = head

    def newest(self, tx: Connection) -> SignedHead | None:
        """Of the log that is followed; before anything of it is kept, of the one before. None: nothing signed is kept.

        Signed ones only: who names a checkpoint would be believed by nobody.
        """
        row = tx.execute(self._select_newest).one_or_none()
        return None if row is None else signed_head(_anchor(row))

    def has(self, tx: Connection, place: Remembered) -> bool:
        """Whether a signed head of that epoch is kept, at that place or after it."""
        columns = self._table.c
        is_within = or_(
            columns.position > place.position,
            and_(columns.position == place.position, columns.seen_at >= place.signed_at),
        )
        is_its = (columns.follower == self._follower, columns.epoch == place.epoch, columns.signature != "")
        return tx.execute(select(columns.position).where(*is_its, is_within).limit(1)).first() is not None

    def keep_for_ever(self, tx: Connection, checkpoint: Head | None, seen_at: str) -> None:
        """Before a follower begins anew: what it has seen so far, and how far it had come."""
        table = self._table
        tx.execute(update(table).where(table.c.follower == self._follower).values(is_final=True))
        if checkpoint is not None:
            epoch, position, hash_ = checkpoint.epoch, checkpoint.position, checkpoint.hash
            unsigned = SignedHead(epoch=epoch, position=position, hash=hash_, signed_at=seen_at, signer="")
            self._insert(tx, unsigned, is_final=True)

    def _insert(self, tx: Connection, head: SignedHead, *, is_final: bool) -> None:
        row = asdict(head)
        row |= {"follower": self._follower, "seen_at": row.pop("signed_at"), "is_final": is_final}
        statement = upsert(tx, self._table)
        if is_final:
            statement = statement.on_conflict_do_nothing()
        else:
            again = {name: statement.excluded[name] for name in ("seen_at", "signer", "signature", "offered")}
            names = [column.name for column in self._table.primary_key]
            is_later = self._table.c.seen_at < statement.excluded.seen_at
            statement = statement.on_conflict_do_update(index_elements=names, set_=again, where=is_later)
        tx.execute(statement, row)

    def _let_go_of_minute(self, tx: Connection, head: SignedHead) -> None:
        """A log that grows all the time has a head a second: the last of each minute is enough."""
        columns = self._table.c
        of_minute = func.substr(columns.seen_at, 1, _MINUTE_LETTERS) == head.signed_at[:_MINUTE_LETTERS]
        is_earlier = (columns.epoch == head.epoch) & (columns.position < head.position)
        is_let_go = (columns.follower == self._follower) & (columns.is_final == false()) & of_minute & is_earlier
        tx.execute(delete(self._table).where(is_let_go))

    def _thin(self, tx: Connection) -> None:
        columns = self._table.c
        own = columns.follower == self._follower
        rows = tx.execute(
            select(columns.position, columns.seen_at)
            .where(own, columns.is_final == false())
            .order_by(columns.position.desc())
            .limit(2 * 60)
        ).all()
        of_one_hour = [
            earlier.position
            for later, earlier in pairwise(rows)
            if earlier.seen_at[:_HOUR_LETTERS] == later.seen_at[:_HOUR_LETTERS] != rows[0].seen_at[:_HOUR_LETTERS]
        ]
        if of_one_hour:
            is_let_go = own & (columns.is_final != true()) & columns.position.in_(of_one_hour)
            tx.execute(delete(self._table).where(is_let_go))


def read_kept_heads(tx: Connection, table: Table, follower: str) -> tuple[Anchor, ...]:
    """By position. None in a database that no version with this table has opened yet."""
    if not inspect(tx).has_table(table.name):
        return ()
    columns = table.c
    rows = tx.execute(select(table).where(columns.follower == follower).order_by(columns.position, columns.seen_at))
    return tuple(map(_anchor, rows))


def give_up(tx: Connection, table: Table, follower: str) -> None:
    """What was kept is compared with no more: a log that does not fit it was accepted. The rows stay."""
    given_up = f"{follower} given up"
    columns = table.c
    places = select(columns.epoch, columns.position, columns.hash).where(columns.follower == given_up)
    before = {tuple(row) for row in tx.execute(places)}
    for row in tx.execute(select(table).where(columns.follower == follower)).all():
        if (row.epoch, row.position, row.hash) not in before:
            tx.execute(insert(table).values(dict(row._mapping) | {"follower": given_up, "is_final": True}))
    tx.execute(delete(table).where(columns.follower == follower))


def signed_head(anchor: Anchor) -> SignedHead:
    """A kept head as the log's service signed it."""
    seen = anchor.checkpoint
    return SignedHead(
        epoch=seen.epoch,
        position=seen.position,
        hash=seen.hash,
        signed_at=anchor.signed_at,
        signer=anchor.signer,
        signature=anchor.signature,
        offered=anchor.offered,
    )


def anchor_of(follower: str, head: SignedHead) -> Anchor:
    """The reverse: a signed head as what that follower has seen."""
    return Anchor(
        follower=follower,
        checkpoint=head.head,
        signed_at=head.signed_at,
        signer=head.signer,
        signature=head.signature,
        offered=head.offered,
    )


def _anchor(row: Row[Any]) -> Anchor:
    return Anchor(
        follower=row.follower,
        checkpoint=Head(epoch=row.epoch, position=row.position, hash=row.hash),
        signed_at=row.seen_at if row.signature else "",
        signer=row.signer,
        signature=row.signature,
        offered=row.offered,
    )
