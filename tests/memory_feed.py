"""LogFeed's twin over a log in memory. One suite of tests holds the two to the same behaviour."""

from collections.abc import Callable
from dataclasses import replace

from shared.eventsourcing.event_store import Head, MemoryEventStore
from shared.replication.envelopes import Envelopes
from shared.replication.feed import PAGE_EVENTS, Acknowledgement, FeedPage, FeedUnavailable
from shared.runtime.clock import Clock


class MemoryFeed:
    """While `is_away` it answers nobody. `store` may be replaced, as a restore or a failover does."""

    def __init__(
        self,
        store: MemoryEventStore,
        publication: Envelopes,
        clock: Clock,
        acknowledge: Callable[[Acknowledgement, str | None], None] | None = None,
    ) -> None:
        self.store, self.is_away = store, False
        self._publication, self._clock, self._acknowledge = publication, clock, acknowledge

    def pull(self, after: Head | None, acknowledgement: Acknowledgement | None = None) -> FeedPage:
        if self.is_away:
            raise FeedUnavailable("away")
        if acknowledgement is not None and self._acknowledge is not None:
            is_of_this_log = after is None or self._continues(after)
            self._acknowledge(acknowledgement if is_of_this_log else replace(acknowledgement, position=0), None)
        store = self.store
        with store.reading() as tx:
            head, time = store.head(tx), self._clock.now()
            if after is not None and not self._continues(after):
                return FeedPage(events=(), head=head, time=time, diverged=True)
            position = after.position if after else 0
            previous, rows = store.hash_at(tx, position), store.after(tx, position, PAGE_EVENTS)
        return FeedPage(events=tuple(self._publication.envelopes(rows, head.epoch, previous)), head=head, time=time)

    def _continues(self, after: Head) -> bool:
        with self.store.reading() as tx:
            epoch, hash_ = self.store.head(tx).epoch, self.store.hash_at(tx, after.position)
        return (after.epoch, after.hash) == (epoch, hash_)
