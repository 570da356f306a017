"""LogFeed's twin over a log in memory. One suite of tests holds the two to the same behaviour."""

from collections.abc import Callable
from dataclasses import replace

from shared.eventsourcing.continuation import Continuation, judge
from shared.eventsourcing.epochs import LogRestored
from shared.eventsourcing.event_store import Head, MemoryEventStore
from shared.replication.divergence.signed_restoration import is_signed
from shared.replication.envelopes import Envelopes
from shared.replication.feed import PAGE_EVENTS, Acknowledgement, FeedPage, FeedUnavailable
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.signatures import Signer, Verifier
from shared.replication.proof.signed_heads import HeadSigner, SignedHead
from shared.runtime.clock import Clock


class MemoryFeed:
    """While `is_away` it answers nobody. `store` may be replaced, as a restore or a failover does.

    `divergence`: a signed head that a follower held, and the log does not continue. Accepting takes it away.
    """

    def __init__(
        self,
        store: MemoryEventStore,
        publication: Envelopes,
        clock: Clock,
        acknowledge: Callable[[Acknowledgement, str | None], None] | None = None,
        signer: Signer | None = None,
    ) -> None:
        """`signer`: of heads, each time that one is answered; None: nothing is signed, nor judged."""
        self.store, self.is_away = store, False
        self.divergence: SignedHead | None = None
        self._publication, self._clock, self._acknowledge = publication, clock, acknowledge
        self._signer = signer

    def pull(
        self, after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        if self.is_away:
            raise FeedUnavailable("away")
        if acknowledgement is not None and self._acknowledge is not None:
            is_of_this_log = after is None or self._continues(after)
            self._acknowledge(acknowledgement if is_of_this_log else replace(acknowledgement, position=0), None)
        store = self.store
        with store.reading() as tx:
            head, time, epochs = store.head(tx), self._clock.now(), store.epochs(tx)
            named = None if held is None else held.head
            if named is not None and self._is_signed(named):
                found = judge(named.head, epochs, store.hash_at(tx, named.position), self._is_believed)
                if found is Continuation.DIVERGED and self.divergence is None:
                    self.divergence = named
            if self.divergence is not None:
                return FeedPage(events=(), head=head, time=time, diverged=True, log_diverged=True)
            signed = None if self._signer is None else HeadSigner(self._signer, self._clock).latest(head)
            if after is not None and not self._continues(after):
                return FeedPage(events=(), head=head, time=time, diverged=True, signed_head=signed)
            position = after.position if after else 0
            previous, rows = store.hash_at(tx, position), store.after(tx, position, PAGE_EVENTS)
        events = tuple(self._publication.envelopes(rows, epochs, previous))
        return FeedPage(events=events, head=head, time=time, signed_head=signed)

    def _continues(self, after: Head) -> bool:
        with self.store.reading() as tx:
            epoch, hash_ = self.store.epochs(tx).at(after.position), self.store.hash_at(tx, after.position)
        return (after.epoch, after.hash) == (epoch, hash_)

    def _is_signed(self, head: SignedHead) -> bool:
        return self._signer is not None and head.is_signed(Verifier([self._signer.public_key]))

    def _is_believed(self, restored: LogRestored) -> bool:
        return self._signer is not None and is_signed(restored, Verifier([self._signer.public_key]))
