"""Acceptance of a restored log: says what was lost, and ends again what is known dead, all of it in one commit.

The chain goes on: the first row is LogRestored, signed, and begins another epoch, by which followers of the log before
know that they must begin anew. A crash leaves all of it or nothing.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, or_, select, update

from services.keys import tables
from services.keys.events import KeyEvent, types
from services.keys.lifecycle.commands import Command, DeleteKey, RevokeKey
from services.keys.lifecycle.decision import decide
from services.keys.lifecycle.key import Key, evolve
from services.keys.restoring.endings import KnownDead, ending
from services.keys.restoring.follower_losses import FollowerLoss, Held, follower_losses
from services.keys.restoring.losses import Losses, SeenHead, losses
from services.keys.revocation.follower_places import forget_follower_places
from services.keys.views.projection import project_key
from shared.eventsourcing.continuation import judge
from shared.eventsourcing.epochs import LogRestored
from shared.eventsourcing.event_store import Appender, Head, StoredEvent
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.divergence.divergence_watch import Divergence, DivergenceWatch
from shared.replication.divergence.signed_restoration import signed
from shared.replication.proof.signatures import Signer
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.sql.in_values import in_values
from shared.values.timestamps import rfc3339

STREAM = "log"
_EPOCH_BYTES = 8
_IDS_AT_ONCE = 5_000


class NothingToAccept(Exception):
    def __init__(self) -> None:
        super().__init__("nothing was put back: the log of keys and its followers know all that they told each other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """`losses`: of the log; None: it lost nothing. `followers`: those that were put back, and to when.

    `revoked`, `deleted`, `suspended`: ids of keys, ended by this, or that would be. `restored`: None of a mere look, or
    where the log lost nothing.
    """

    head: Head
    losses: Losses | None
    followers: tuple[FollowerLoss, ...]
    revoked: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    restored: LogRestored | None = None


class Acceptance:
    def __init__(
        self,
        database: Database,
        store: SqlEventStore,
        watch: DivergenceWatch,
        signer: Signer,
        after_commit: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._database, self._store, self._watch = database, store, watch
        self._signer, self._after_commit, self._clock = signer, after_commit, clock

    def look(self, held: Iterable[Held], known: KnownDead) -> Accepted:
        """What accepting would do. `held`: all that followers kept. Raises NothingToAccept."""
        with self._database.reading(unlimited=True) as tx:
            head, lost, followers = self._lost(tx, tuple(held))
            commands = {} if lost is None else self._commands(self._keys(tx, known), known)
        return _accepted(head, lost, followers, commands)

    def accept(self, held: Iterable[Held], known: KnownDead, reason: str, origin: Origin) -> Accepted:
        """Raises NothingToAccept. Safe to run again: then there is nothing to accept."""
        with self._database.transaction(unlimited=True) as tx:
            tx.execute(select(tables.log_head).with_for_update())  # from here on nobody appends
            head, lost, followers = self._lost(tx, tuple(held))
            forget_follower_places(tx)
            if lost is None:
                return _accepted(head, lost, followers, {})
            commands = self._commands(self._keys(tx, known), known)
            restored = self._restored(head, lost, reason)
            opened = {"present_epoch": restored.to_epoch, "divergence": None}
            tx.execute(update(tables.log_head).values(opened))
            with self._store.appending(tx, (STREAM, *commands)) as log:
                written = _Written(tx, log, origin.text(), rfc3339(restored.restored_at))
                written.restored(restored)
                for key_id, (key, command) in commands.items():
                    written.ended(key_id, key, decide(key, command, restored.restored_at))
        self._after_commit()
        self._database.forget()  # words of keys that are deleted again
        return _accepted(head, lost, followers, commands, restored)

    def _restored(self, head: Head, lost: Losses, reason: str) -> LogRestored:
        unsigned = LogRestored(
            from_epoch=lost.newest.epoch,
            common_position=lost.common_position,
            position=head.position,
            hash=head.hash,
            to_epoch=secrets.token_hex(_EPOCH_BYTES),
            reason=reason,
            restored_at=self._clock.now(),
            other_epochs=lost.other_epochs,
        )
        return signed(unsigned, self._signer)

    def _lost(self, tx: Connection, held: Sequence[Held]) -> tuple[Head, Losses | None, tuple[FollowerLoss, ...]]:
        lost, followers = self._losses(tx, held), follower_losses(tx, held)
        if lost is None and not followers:
            raise NothingToAccept
        return self._store.head(tx), lost, followers

    def _losses(self, tx: Connection, held: Iterable[Held]) -> Losses | None:
        epochs = self._store.epochs(tx)
        told = tx.execute(select(tables.log_head.c.divergence)).scalar_one()
        recorded = [] if told is None else [_recorded(told)]
        seen = [
            SeenHead(
                follower=follower,
                head=head,
                continuation=judge(head.head, epochs, self._store.hash_at(tx, head.position), self._watch.believes),
            )
            for follower, head in dict.fromkeys((*held, *recorded))
            if self._watch.believes(head)
        ]
        return losses(self._store.head(tx), seen)

    def _keys(self, tx: Connection, known: KnownDead) -> dict[str, Key]:
        """The keys that may have to be ended again, by their rows; their events decide."""
        wanted = sorted(known.keys), sorted(known.digests)
        column = tables.api_key.c
        found: set[str] = set()
        for values, of in zip(wanted, (column.id, column.digest), strict=True):
            for start in range(0, len(values), _IDS_AT_ONCE):
                are_named = in_values(tx, of, values[start : start + _IDS_AT_ONCE])
                may_live = or_(column.revoked_at.is_(None), in_values(tx, column.id, known.deleted))
                found.update(tx.execute(select(column.id).where(are_named, may_live)).scalars())
        folded: dict[str, Key] = {}
        for key_id in sorted(found):
            key = reduce(evolve, map(_event, self._store.stream(tx, key_id)), None)
            if key is not None:
                folded[key_id] = key
        return folded

    def _commands(self, keys: Mapping[str, Key], known: KnownDead) -> dict[str, tuple[Key, Command]]:
        now = self._clock.now()
        decided = {key_id: (key, ending(key, known, now)) for key_id, key in keys.items()}
        return {key_id: (key, command) for key_id, (key, command) in decided.items() if command is not None}


class _Written:
    """What is appended, with the rows that follow from it."""

    def __init__(self, tx: Connection, log: Appender, metadata: str, recorded_at: str) -> None:
        self._tx, self._log, self._metadata, self._recorded_at = tx, log, metadata, recorded_at

    def restored(self, event: LogRestored) -> None:
        version = len(self._log.load((STREAM,))[STREAM])
        (row,) = self._log.append(STREAM, version, [types.encode(event)], self._metadata, self._recorded_at)
        began = {"epoch": event.to_epoch, "from_position": row.position}
        self._tx.execute(insert(tables.log_epoch).values(began))

    def ended(self, key_id: str, key: Key, events: tuple[KeyEvent, ...]) -> None:
        encoded = [types.encode(event) for event in events]
        rows = self._log.append(key_id, key.revision, encoded, self._metadata, self._recorded_at)
        for row, event in zip(rows, events, strict=True):
            project_key(self._tx, row, event)


def _accepted(
    head: Head,
    lost: Losses | None,
    followers: tuple[FollowerLoss, ...],
    commands: Mapping[str, tuple[Key, Command]],
    restored: LogRestored | None = None,
) -> Accepted:
    def of(kind: type[Any]) -> tuple[str, ...]:
        return tuple(key_id for key_id, (_, command) in commands.items() if isinstance(command, kind))

    others = tuple(key_id for key_id in commands if key_id not in {*of(RevokeKey), *of(DeleteKey)})
    return Accepted(
        head=head,
        losses=lost,
        followers=followers,
        revoked=of(RevokeKey),
        deleted=of(DeleteKey),
        suspended=others,
        restored=restored,
    )


def _recorded(told: str) -> Held:
    divergence = msgspec.json.decode(told, type=Divergence)
    return divergence.told_by or "a follower", divergence.held


def _event(row: StoredEvent) -> KeyEvent:
    # A key's stream holds events of keys alone.
    return types.decode(row.type, row.schema_version, row.data)  # type: ignore[return-value]
