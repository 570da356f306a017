"""Writes that wait for a log at the same time are committed in one transaction: one durable commit serves them all.

Each stands or falls alone: what one raises takes back its own part and nothing else. Nobody is answered before the
commit is durable; if that fails, it fails for all of them.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic

from shared.combining import Combiner
from shared.event_store import Appender, EventStore, StoredEvent, Tx

# Embedded, a commit holds up everything else in the process: few enough that nobody notices.
WRITES_MAX = 16

Written = tuple[StoredEvent, ...]


@dataclass(slots=True, eq=False)
class _Pending(Generic[Tx]):
    streams: Collection[str]
    write: Callable[[Tx, Appender], Written]
    written: Written = ()
    error: Exception | None = None


class GroupCommit(Generic[Tx]):
    def __init__(self, store: EventStore[Tx]) -> None:
        self._store = store
        self._commit_soon = Combiner(self._commit, most=WRITES_MAX)

    def commit(self, streams: Collection[str], write: Callable[[Tx, Appender], Written]) -> Written:
        """Runs `write`, which may append to `streams`; returns what it returned, once that is durable.

        Raises what it raised; then nothing of it is kept.
        """
        pending: _Pending[Tx] = _Pending(streams, write)
        self._commit_soon(pending)
        if pending.error is not None:
            raise pending.error
        return pending.written

    def _commit(self, group: Sequence[_Pending[Tx]]) -> None:
        streams = {stream for pending in group for stream in pending.streams}
        with self._store.transaction() as tx, self._store.appending(tx, streams) as log:
            if len(group) == 1:
                group[0].written = group[0].write(tx, log)  # what it raises takes back the whole, which is its own
                return
            for pending in group:
                self._try(tx, log, pending)

    def _try(self, tx: Tx, log: Appender, pending: _Pending[Tx]) -> None:
        try:
            with log.attempt():
                pending.written = pending.write(tx, log)
        except self._store.faults:
            raise
        except Exception as error:
            pending.error = error
