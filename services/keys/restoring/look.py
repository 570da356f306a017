"""Look at a log that was put back: what was lost, and what accepting it would end again. Changes nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from typing import Any

from sqlalchemy import Connection, or_, select

from services.keys import tables
from services.keys.events import KeyEvent, types
from services.keys.lifecycle.commands import Command, DeleteKey, RevokeKey
from services.keys.lifecycle.key import Key, evolve
from services.keys.restoring.endings import KnownDead, ending
from services.keys.restoring.follower_losses import FollowerLoss, Held, follower_losses
from services.keys.restoring.losses import Losses, SeenHead, losses
from shared.contracts.seen import SeenKey
from shared.eventsourcing.continuation import judge
from shared.eventsourcing.epochs import LogRestored
from shared.eventsourcing.event_store import Head, StoredEvent
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.divergence.divergence_watch import DivergenceWatch, MarkDamaged, recorded
from shared.replication.proof.published_signers import PublishedSigners
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.sql.in_values import in_values

_IDS_AT_ONCE = 5_000
Ended = Mapping[str, tuple[Key, Command]]  # by id of the key


class NothingToAccept(Exception):
    def __init__(self) -> None:
        super().__init__("nothing was put back: the log of keys and its followers know all that they told each other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memories:
    """What followers know. `held`: signed heads. `known`: what is dead. `seen`: all keys that they were told of."""

    held: tuple[Held, ...] = ()
    known: KnownDead = KnownDead()  # noqa: RUF009  frozen
    seen: tuple[SeenKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """`losses`: of the log; None: it lost nothing. `followers`: those that were put back, and to when.

    `revoked`, `deleted`, `suspended`: ids of keys, ended by this, or that would be. `gone`: keys that followers have
    seen, and the log does not know: they were created in what is lost. `restored`: None of a mere look, or where the
    log lost nothing.
    """

    head: Head
    losses: Losses | None
    followers: tuple[FollowerLoss, ...]
    revoked: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    gone: tuple[SeenKey, ...] = ()
    restored: LogRestored | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is there before anything is accepted."""

    head: Head
    losses: Losses | None
    followers: tuple[FollowerLoss, ...]
    ended: Ended
    gone: tuple[SeenKey, ...]

    def accepted(self, restored: LogRestored | None = None) -> Accepted:
        def of(kind: type[Any]) -> tuple[str, ...]:
            return tuple(key_id for key_id, (_, command) in self.ended.items() if isinstance(command, kind))

        revoked, deleted = of(RevokeKey), of(DeleteKey)
        return Accepted(
            head=self.head,
            losses=self.losses,
            followers=self.followers,
            revoked=revoked,
            deleted=deleted,
            suspended=tuple(key_id for key_id in self.ended if key_id not in {*revoked, *deleted}),
            gone=self.gone,
            restored=restored,
        )


class Look:
    def __init__(self, database: Database, store: SqlEventStore, watch: DivergenceWatch, clock: Clock) -> None:
        self._database, self._store, self._watch, self._clock = database, store, watch, clock

    def look(self, memories: Memories) -> Accepted:
        """What accepting would do. Raises NothingToAccept."""
        with self._database.reading(unlimited=True) as tx:
            return self.find(tx, memories).accepted()

    def find(self, tx: Connection, memories: Memories) -> Found:
        """Raises NothingToAccept."""
        lost, followers = self._losses(tx, memories.held), follower_losses(tx, memories.held)
        if lost is None and not followers and not _is_marked(tx):
            raise NothingToAccept
        is_lost = lost is not None
        return Found(
            head=self._store.head(tx),
            losses=lost,
            followers=followers,
            ended=self._ended(tx, memories.known) if is_lost else {},
            gone=_gone(tx, memories.seen) if is_lost else (),
        )

    def _losses(self, tx: Connection, held: Iterable[Held]) -> Losses | None:
        epochs = self._store.epochs(tx)
        by_mark = tuple(_shown(tx))
        seen = [
            SeenHead(
                follower=follower,
                head=head,
                continuation=judge(head.head, epochs, self._store.hash_at(tx, head.position), self._watch.believes),
            )
            for follower, head in dict.fromkeys((*held, *by_mark))
            if self._watch.believes(head)
        ]
        return losses(self._store.head(tx), seen)

    def _ended(self, tx: Connection, known: KnownDead) -> Ended:
        now = self._clock.now()
        decided = {key_id: (key, ending(key, known, now)) for key_id, key in self._keys(tx, known).items()}
        return {key_id: (key, command) for key_id, (key, command) in decided.items() if command is not None}

    def _keys(self, tx: Connection, known: KnownDead) -> dict[str, Key]:
        """The keys that may have to be ended again, by their rows; their events decide."""
        wanted = sorted(known.keys), sorted(known.digests)
        column = tables.api_key.c
        found: set[str] = set()
        for values, of in zip(wanted, (column.id, column.digest), strict=True):
            for some in _parts(values):
                are_named = in_values(tx, of, some)
                may_live = or_(column.revoked_at.is_(None), in_values(tx, column.id, known.deleted))
                found.update(tx.execute(select(column.id).where(are_named, may_live)).scalars())
        folded: dict[str, Key] = {}
        for key_id in sorted(found):
            key = reduce(evolve, map(_event, self._store.stream(tx, key_id)), None)
            if key is not None:
                folded[key_id] = key
        return folded


def look_at(database: Database, clock: Clock) -> Look:
    """Of a database that may be read only."""
    signers = PublishedSigners(database, tables.signing_key)
    watch = DivergenceWatch(database, tables.metadata, signers.verifier, clock)
    return Look(database, SqlEventStore(database, tables.metadata), watch, clock)


def _is_marked(tx: Connection) -> bool:
    """Whether the log serves nobody. If no head shows why, the mark itself is what is wrong, and is taken away."""
    return tx.execute(select(tables.log_head.c.divergence)).scalar_one() is not None


def _shown(tx: Connection) -> Iterator[Held]:
    with suppress(MarkDamaged):
        if (divergence := recorded(tx, tables.metadata)) is not None:
            yield divergence.told_by or "a follower", divergence.held


def _gone(tx: Connection, seen: Iterable[SeenKey]) -> tuple[SeenKey, ...]:
    """By id; of two followers the one that knows more."""
    by_id = {key.key_id: key for key in sorted(seen, key=lambda key: (key.key_id, key.hint or ""))}
    log = tables.log.c
    for ids in _parts(sorted(by_id)):
        for stream in tx.execute(select(log.stream).where(in_values(tx, log.stream, ids), log.version == 1)).scalars():
            del by_id[stream]
    return tuple(by_id.values())


def _parts(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + _IDS_AT_ONCE] for start in range(0, len(values), _IDS_AT_ONCE))


def _event(row: StoredEvent) -> KeyEvent:
    # A key's stream holds events of keys alone.
    return types.decode(row.type, row.schema_version, row.data)  # type: ignore[return-value]
