"""Feed: the log as followers pull it. The events after a place, and the head as the primary database shows it now."""

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import BigInteger, ScalarSelect, bindparam

from shared.contracts.envelope import CloudEvent
from shared.eventsourcing.event_store import Head
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.envelopes import Envelopes
from shared.replication.proof.signed_heads import HeadSigner, SignedHead
from shared.sql.database import Database
from shared.sql.dialect_functions import DatabaseClock

# What a follower may say of itself and of its place: more than any of ours says, and no more than a column holds.
GATE_ID = re.compile(r"[0-9A-Za-z_-]{1,32}", re.ASCII)
EPOCH = re.compile(r"[!-~]{1,32}", re.ASCII)
HASH = re.compile(r"[!-~]{1,64}", re.ASCII)
POSITION_MAX = 2**63 - 1

# Events in a page by default, and the most that a follower may ask for.
PAGE_EVENTS, PAGE_EVENTS_MAX = 500, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A gate has applied the log up to `position`. `gate`: a random id, new at each start of its process."""

    gate: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldHead:
    """The newest head, signed by the log's service, that a follower holds. `follower`: its name, or the gate's id."""

    follower: str
    head: SignedHead


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """`diverged`: this log is not the one the caller followed; it must drop its state and start again.

    `time`: the database's clock, read with the head. `gates`: how many gates follow this log; None: unknown.
    `signed_head`: the newest that the log's service signed, for followers to keep; None for gates, or unsigned.
    """

    events: tuple[CloudEvent, ...]
    head: Head
    time: datetime
    diverged: bool = False
    gates: int | None = None
    signed_head: SignedHead | None = None


class GateRefusal(enum.Enum):
    """FOREIGN: the gate is another account's. CAP: the account has as many gates as it may have."""

    FOREIGN = "foreign"
    CAP = "cap"


class GateRefused(Exception):
    """Nothing was done in this gate's name, and its pull gets no answer, which would renew its lease."""

    def __init__(self, reason: GateRefusal) -> None:
        self.reason = reason
        super().__init__(reason.value)


class FeedUnavailable(Exception):
    """The pull failed. What was applied stays applied, and the next pull continues from there."""


class Feed(Protocol):
    def pull(self, after: Head | None, acknowledgement: Acknowledgement | None = None) -> FeedPage:
        """At most PAGE_EVENTS events past `after` (None: from the beginning). Raises FeedUnavailable."""
        ...


class LogFeed:
    """Serves a feed from the service's own log.

    An acknowledgement is committed before the head is read, in a transaction of its own. That order carries the proof
    of a revocation: a gate counted as silent cannot have read a head that lacks the revocation after its row was last
    seen.
    """

    def __init__(
        self,
        database: Database,
        store: SqlEventStore,
        envelopes: Envelopes,
        acknowledge: Callable[[Acknowledgement, str | None], None] | None = None,
        gates: ScalarSelect[int] | None = None,
        heads: HeadSigner | None = None,
    ) -> None:
        """`acknowledge`: is told the account, too. `gates`: counts the gates that follow this log, for gates' pages.

        `heads`: signs where the log ends, for those that are no gates.
        """
        self._database, self._store, self._envelopes = database, store, envelopes
        self._acknowledge, self._heads = acknowledge, heads
        self._time_and_gates = (DatabaseClock(),) if gates is None else (DatabaseClock(), gates)
        self._page = store.pages_after(bindparam("after", type_=BigInteger))

    def pull(
        self,
        after: Head | None,
        acknowledgement: Acknowledgement | None = None,
        *,
        events_max: int = PAGE_EVENTS,
        account: str | None = None,
    ) -> FeedPage:
        """`account`: who asks, as its credentials say; None: it has none of its own. Raises GateRefused."""
        if acknowledgement is not None and self._acknowledge is not None:
            self._acknowledge(self._of_this_log(acknowledgement, after), account)
        position = after.position if after else 0
        with self._database.reading(once=True) as tx:
            head, hash_there, (time, *counted) = self._store.head_and_hash(tx, position, self._time_and_gates)
            is_diverged = after is not None and not _continues(after, head, hash_there)
            is_behind = not is_diverged and position < head.position
            page = self._page(tx, events_max, last=head.position, after=position) if is_behind else None
        # Two statements without a transaction, which is faster. If the log is replaced in between, the hashes of these
        # events do not continue the caller's log, and the caller sees that.
        events = () if page is None else tuple(self._envelopes.envelopes(page.rows, page.epoch, page.previous))
        gates = counted[0] if counted and acknowledgement is not None else None
        signed = None if self._heads is None or acknowledgement is not None else self._heads.latest(head)
        return FeedPage(events=events, head=head, time=time, diverged=is_diverged, gates=gates, signed_head=signed)

    def _of_this_log(self, acknowledgement: Acknowledgement, after: Head | None) -> Acknowledgement:
        """A position in another log, from before a restore, counts as 0: the gate has applied nothing of this one."""
        if after is None:
            return acknowledgement
        with self._database.reading(once=True) as tx:
            head, hash_there, _ = self._store.head_and_hash(tx, after.position)
        return acknowledgement if _continues(after, head, hash_there) else replace(acknowledgement, position=0)


def _continues(after: Head, head: Head, hash_there: str | None) -> bool:
    return after.epoch == head.epoch and hash_there == after.hash
