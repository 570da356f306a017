"""The log as followers pull it: the events after a place, and the head as the primary database shows it now."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from shared.contracts.envelope import CloudEvent
from shared.database import Database, database_time
from shared.event_store import Head
from shared.publication import Publication
from shared.sql_event_store import SqlEventStore

PAGE_EVENTS = 500


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
        publication: Publication,
        acknowledge: Callable[[Acknowledgement], None] | None = None,
        gates: Callable[[Connection], int] | None = None,
    ) -> None:
        """`gates`: how many there are, in a transaction; gates are told."""
        self._database, self._store, self._publication = database, store, publication
        self._acknowledge, self._gates = acknowledge, gates

    def pull(self, after: Head | None, acknowledgement: Acknowledgement | None = None) -> FeedPage:
        if acknowledgement is not None and self._acknowledge is not None:
            self._acknowledge(self._of_this_log(acknowledgement, after))
        with self._database.reading() as tx:
            head, hash_there = self._store.head_and_hash(tx, after.position if after else 0)
            time = database_time(tx)
            gates = None if acknowledgement is None or self._gates is None else self._gates(tx)
            if after is not None and not _continues(after, head, hash_there):
                return FeedPage(events=(), head=head, time=time, diverged=True, gates=gates)
            position = after.position if after else 0
            rows = self._store.after(tx, position, PAGE_EVENTS) if position < head.position else ()
        events = tuple(self._publication.envelopes(rows, head.epoch, hash_there))
        return FeedPage(events=events, head=head, time=time, gates=gates)

    def _of_this_log(self, acknowledgement: Acknowledgement, after: Head | None) -> Acknowledgement:
        """A position in another log, from before a restore, says nothing about this one: the gate has none of it."""
        if after is None:
            return acknowledgement
        with self._database.reading(once=True) as tx:
            continues = _continues(after, *self._store.head_and_hash(tx, after.position))
        return acknowledgement if continues else replace(acknowledgement, position=0)


def _continues(after: Head, head: Head, hash_there: str | None) -> bool:
    return after.epoch == head.epoch and hash_there == after.hash
