"""Evidence: a command's own rows of the log, read beside the wait for gates, and signed with the receipt."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from services.keys.revocation.propagation import Receipt
from shared.eventsourcing.decision import Executed
from shared.eventsourcing.epochs import LogDiverged
from shared.eventsourcing.event_store import StoredEvent
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.proof.receipt_proof import Place, proved
from shared.replication.proof.signatures import Signer


class Evidence:
    def __init__(self, store: SqlEventStore, signer: Signer | None, now: Callable[[], datetime]) -> None:
        """`signer`: None: receipts carry no proof."""
        self._store, self._signer, self._now = store, signer, now

    def place(self, *executed: Executed[Any]) -> tuple[int, Place | None]:
        """The position that gates must reach, and what the receipt shows of the log; None where nothing is signed.

        Of a command that had nothing to do: of what was last done to what it was asked to change. Raises LogDiverged
        for one, for it came by no append that would have refused it.
        """
        rows = tuple(sorted((row for each in executed for row in each.rows), key=lambda row: row.position))
        if rows and self._signer is None:
            return rows[-1].position, None
        if rows:
            epoch, previous = self._before(rows)
            return rows[-1].position, Place(epoch=epoch, previous=previous, rows=rows, hash=rows[-1].hash)
        changed = executed[0].state if len(executed) == 1 else None
        return self.last_of(None if changed is None else changed.key_id)

    def last_of(self, key_id: str | None) -> tuple[int, Place | None]:
        """As `place`, of what was last done to a key: the log's head, and the key's last row. None: of no key.

        Raises LogDiverged.
        """
        with self._store.reading() as tx:
            head, _, (divergence,) = self._store.head_and_hash(tx, 0, (self._store.divergence,))
            if divergence is not None:
                raise LogDiverged
            if key_id is None:
                return head.position, Place(epoch=head.epoch, previous=None, rows=(), hash=head.hash)
            last = self._store.stream(tx, key_id)[-1]
            previous = self._store.hash_at(tx, last.position - 1)
            epoch = self._store.epochs(tx, head.epoch).at(last.position)
            return head.position, Place(epoch=epoch, previous=previous, rows=(last,), hash=last.hash)

    def proved(self, receipt: Receipt, place: Place | None) -> Receipt:
        if self._signer is None or place is None:
            return receipt
        return dataclasses.replace(receipt, proof=proved(receipt.shown(), place, self._signer, self._now()).proof)

    def _before(self, rows: Sequence[StoredEvent]) -> tuple[str, str | None]:
        """The epoch of the rows, and the hash before them; as a rule known since they were appended."""
        known = self._store.recent_links.before(rows[0])
        if known is not None:
            return known.epoch, known.hash
        with self._store.reading(once=True) as tx:
            head, previous, _ = self._store.head_and_hash(tx, rows[0].position - 1)
            return self._store.epochs(tx, head.epoch).at(rows[-1].position), previous
