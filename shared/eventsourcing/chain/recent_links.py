"""Recent links of a chain: what lay before rows that this process has appended, so that nobody reads it again.

Whether they were committed does not matter: a row's hash covers the hash before it, so no other can lie there.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable

from shared.eventsourcing.event_store import Head, StoredEvent

_ROWS_MAX = 4096


class RecentLinks:
    def __init__(self) -> None:
        self._before: OrderedDict[str, Head] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, head: Head, rows: Iterable[StoredEvent]) -> None:
        """`rows`: appended behind that head, all in its epoch."""
        with self._lock:
            for row in rows:
                self._before[row.hash] = head
                head = Head(epoch=head.epoch, position=row.position, hash=row.hash)
            while len(self._before) > _ROWS_MAX:
                self._before.popitem(last=False)

    def before(self, row: StoredEvent) -> Head | None:
        """The log's end before that row, in the row's epoch; None: another process appended it, or long ago."""
        return self._before.get(row.hash)
