"""Acceptance of a restored log: says what was lost, and ends again what is known dead, all of it in one commit.

The chain goes on: the first row is LogRestored, signed, and begins another epoch, by which followers of the log before
know that they must begin anew. A crash leaves all of it or nothing.
"""

import secrets
from collections.abc import Callable

from sqlalchemy import Connection, insert, select, update

from services.keys import tables
from services.keys.events import KeyEvent, types
from services.keys.lifecycle.decision import decide
from services.keys.lifecycle.key import Key
from services.keys.restoring.look import Accepted, Look, Memories
from services.keys.restoring.losses import Losses
from services.keys.revocation.follower_places import forget_follower_places
from services.keys.views import known_digests
from services.keys.views.projection import project_key
from shared.eventsourcing.epochs import LogRestored
from shared.eventsourcing.event_store import Appender, Head
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.divergence.divergence_watch import DivergenceWatch
from shared.replication.divergence.signed_restoration import signed
from shared.replication.proof.signatures import Signer
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.timestamps import rfc3339

STREAM = "log"
_EPOCH_BYTES = 8


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
        self._database, self._store = database, store
        self._look = Look(database, store, watch, clock)
        self._signer, self._after_commit, self._clock = signer, after_commit, clock

    def accept(self, memories: Memories, reason: str, origin: Origin) -> Accepted:
        """`memories`: all that followers kept. Safe to run again: then it raises NothingToAccept."""
        with self._database.transaction(unlimited=True) as tx:
            tx.execute(select(tables.log_head).with_for_update())  # from here on nobody appends
            found = self._look.find(tx, memories)
            forget_follower_places(tx)
            if found.losses is None:
                tx.execute(update(tables.log_head).values(divergence=None))  # one that nothing shows was damaged
                return found.accepted()
            known_digests.keep(tx, memories.known.digests)  # none that died in what is lost is imported again
            restored = self._restored(found.head, found.losses, reason)
            opened = {"present_epoch": restored.to_epoch, "divergence": None}
            tx.execute(update(tables.log_head).values(opened))
            with self._store.appending(tx, (STREAM, *found.ended)) as log:
                written = _Written(tx, log, origin.text(), rfc3339(restored.restored_at))
                written.restored(restored)
                for key_id, (key, command) in found.ended.items():
                    written.ended(key_id, key, decide(key, command, restored.restored_at))
        self._after_commit()
        self._database.forget()  # words of keys that are deleted again
        return found.accepted(restored)

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
