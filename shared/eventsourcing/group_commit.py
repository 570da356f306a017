"""Group commit: writes that wait for the log at the same time share one transaction, and so one durable commit.

Each succeeds or fails alone: an exception takes back that write and no other. No caller is answered before the commit
is durable; if the commit fails, it fails for all of them. A write may be run twice.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic

from shared.eventsourcing.event_store import Appender, EventStore, StoredEvent, Tx
from shared.runtime.flat_combining import Combiner

# Embedded, a commit holds up everything else in the process, so a group must stay small.
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

        Raises what `write` raised; nothing that it wrote is kept then.
        """
        pending: _Pending[Tx] = _Pending(streams, write)
        self._commit_soon(pending)
        if pending.error is not None:
            raise pending.error
        return pending.written

    def _commit(self, group: Sequence[_Pending[Tx]]) -> None:
        """Tries without savepoints first: each would cost two round trips while the log is locked."""
        try:
            with self._appending(group) as (tx, log):
                for pending in group:
                    pending.written = pending.write(tx, log)
        except self._store.faults:
            raise
        except Exception:
            if len(group) == 1:
                raise
            self._commit_apart(group)

    def _commit_apart(self, group: Sequence[_Pending[Tx]]) -> None:
        with self._appending(group) as (tx, log):
            for pending in group:
                try:
                    with log.attempt():
                        pending.written = pending.write(tx, log)
                except self._store.faults:
                    raise
                except Exception as error:
                    pending.error = error

    @contextmanager
    def _appending(self, group: Sequence[_Pending[Tx]]) -> Iterator[tuple[Tx, Appender]]:
        streams = {stream for pending in group for stream in pending.streams}
        with self._store.transaction() as tx, self._store.appending(tx, streams) as log:
            yield tx, log
