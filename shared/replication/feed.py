"""Feed: the log as followers pull it. The events after a place, and the head as the primary database shows it now."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import BigInteger, ScalarSelect, bindparam

from shared.contracts.envelope import CloudEvent
from shared.eventsourcing.event_store import Head
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.envelopes import Envelopes
from shared.sql.database import Database
from shared.sql.functions import DatabaseClock

# As many as any follower is given; whoever asks for more may have that many.
PAGE_EVENTS, PAGE_EVENTS_MAX = 500, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A gate says how far it is. `gate` is random, new at each start of its process."""

    gate: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """`diverged`: this log is not the one the caller followed; it must drop its state and start again.

    `time` is the database's clock, read with the head. `gates`: how many have a place in this log; None: not told.
    """

    events: tuple[CloudEvent, ...]
    head: Head
    time: datetime
    diverged: bool = False
    gates: int | None = None


class FeedUnavailable(Exception):
    """The pull got no answer; what was applied stands, and the next pull makes up for it."""


class Feed(Protocol):
    def pull(self, after: Head | None, acknowledgement: Acknowledgement | None = None) -> FeedPage:
        """At most PAGE_EVENTS events past `after` (None: from the beginning). Raises FeedUnavailable."""
        ...


class LogFeed:
    """The serving side. An acknowledgement is committed before the head is read, in a transaction of its own.

    That order carries the proof of a revocation: a gate counted as silent cannot have read a head that lacks
    the revocation after its row was last seen.
    """

    def __init__(
        self,
        database: Database,
        store: SqlEventStore,
        publication: Envelopes,
        acknowledge: Callable[[Acknowledgement], None] | None = None,
        gates: ScalarSelect[int] | None = None,
    ) -> None:
        """`gates`: how many there are; gates are told."""
        self._database, self._store, self._publication = database, store, publication
        self._acknowledge = acknowledge
        self._asked = (DatabaseClock(),) if gates is None else (DatabaseClock(), gates)
        self._page = store.pages_after(bindparam("after", type_=BigInteger))

    def pull(
        self, after: Head | None, acknowledgement: Acknowledgement | None = None, *, events_max: int = PAGE_EVENTS
    ) -> FeedPage:
        if acknowledgement is not None and self._acknowledge is not None:
            self._acknowledge(self._of_this_log(acknowledgement, after))
        position = after.position if after else 0
        with self._database.reading(once=True) as tx:
            head, hash_there, (time, *told) = self._store.head_and_hash(tx, position, self._asked)
            is_diverged = after is not None and not _continues(after, head, hash_there)
            is_behind = not is_diverged and position < head.position
            page = self._page(tx, events_max, last=head.position, after=position) if is_behind else None
        # The log is asked twice, which takes less than a transaction. Should it become another one in between, then
        # these events do not follow on what the caller has, and say so.
        events = () if page is None else tuple(self._publication.envelopes(page.rows, page.epoch, page.previous))
        gates = told[0] if told and acknowledgement is not None else None
        return FeedPage(events=events, head=head, time=time, diverged=is_diverged, gates=gates)

    def _of_this_log(self, acknowledgement: Acknowledgement, after: Head | None) -> Acknowledgement:
        """A position in another log, from before a restore, says nothing about this one: the gate has none of it."""
        if after is None:
            return acknowledgement
        with self._database.reading(once=True) as tx:
            head, hash_there, _ = self._store.head_and_hash(tx, after.position)
        return acknowledgement if _continues(after, head, hash_there) else replace(acknowledgement, position=0)


def _continues(after: Head, head: Head, hash_there: str | None) -> bool:
    return after.epoch == head.epoch and hash_there == after.hash
