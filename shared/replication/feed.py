"""Feed: the log as followers pull it. The events after a place, and the head as the primary database shows it now."""

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import BigInteger, Connection, ScalarSelect, bindparam

from shared.contracts.envelope import CloudEvent
from shared.eventsourcing.continuation import Continuation, judge
from shared.eventsourcing.epochs import Epochs
from shared.eventsourcing.event_store import Head
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.divergence.divergence_watch import DivergenceWatch
from shared.replication.envelopes import Envelopes
from shared.replication.heads.held_heads import HeldHead, HeldHeads, Remembered
from shared.replication.proof.signed_heads import HeadSigner, SignedHead
from shared.sql.database import Database
from shared.sql.dialect_functions import DatabaseClock

# What a follower may say of itself and of its place: more than any of ours says, and no more than a column holds.
GATE_ID = re.compile(r"[0-9A-Za-z_-]{1,32}", re.ASCII)
FOLLOWER = re.compile(r"[0-9A-Za-z_.-]{1,64}", re.ASCII)
EPOCH = re.compile(r"[!-~]{1,32}", re.ASCII)
HASH = re.compile(r"[!-~]{1,64}", re.ASCII)
HEAD_TEXT = re.compile(r"[!-~]{1,88}", re.ASCII)  # when a head was signed, by whom, and the signature
POSITION_MAX = 2**63 - 1

# Events in a page by default, and the most that a follower may ask for.
PAGE_EVENTS, PAGE_EVENTS_MAX = 500, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A gate has applied the log up to `position`. `gate`: a random id, new at each start of its process."""

    gate: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """`diverged`: this log is not the one the caller followed; it must drop its state and start again.

    `log_diverged`: this log was put back to before a head that a follower holds: nobody may go by it, until that is
    accepted. (`diverged` is set as well, so that followers of an older release do not go by it either.)
    `time`: the database's clock, read with the head. `gates`: how many gates follow this log; None: unknown.
    `signed_head`: the newest that the log's service signed, for followers to hold; None: nothing is signed.
    `remembered`: what the follower that asks has ever said to hold; None: nothing, or it is a gate.
    """

    events: tuple[CloudEvent, ...]
    head: Head
    time: datetime
    diverged: bool = False
    gates: int | None = None
    signed_head: SignedHead | None = None
    log_diverged: bool = False
    remembered: Remembered | None = None


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


class FeedDiverged(FeedUnavailable):
    """The log was put back to before what its followers have seen: nothing that it says counts until it is accepted."""

    def __init__(self) -> None:
        super().__init__("the log of keys was put back to before what its followers have seen")


class Feed(Protocol):
    def pull(
        self, after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        """At most PAGE_EVENTS events past `after` (None: from the beginning). Raises FeedUnavailable.

        `held`: the newest signed head that the follower holds, by which the log is judged.
        """
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
        watch: DivergenceWatch | None = None,
        followers: HeldHeads | None = None,
        acknowledged: ScalarSelect[int] | None = None,
    ) -> None:
        """`acknowledge`: is told the account, too. `gates`: counts the gates that follow this log, for gates' pages.
        `acknowledged`: what `acknowledge` has committed of the parameter `gate`, if `whose` account may speak for it.

        `heads`: signs where the log ends. `watch`: judges the log by what followers hold. `followers`: remembers what
        they hold.
        """
        self._database, self._store, self._envelopes = database, store, envelopes
        self._acknowledge, self._heads, self._watch, self._followers = acknowledge, heads, watch, followers
        self._acknowledged = () if acknowledged is None else (acknowledged,)
        self._also = (store.divergence, DatabaseClock()) + (() if gates is None else (gates,))
        self._also_held = (*self._also, store.hash_there(bindparam("held_at", type_=BigInteger)))
        self._page = store.pages_after(bindparam("after", type_=BigInteger))

    def pull(
        self,
        after: Head | None,
        acknowledgement: Acknowledgement | None = None,
        held: HeldHead | None = None,
        *,
        events_max: int = PAGE_EVENTS,
        account: str | None = None,
    ) -> FeedPage:
        """`account`: who asks, as its credentials say; None: it has none of its own. Raises GateRefused."""
        if acknowledgement is not None and self._acknowledge is not None:
            said, committed = self._of_this_log(acknowledgement, after, account)
            if said.position != committed:
                self._acknowledge(said, account)
        believed = self._believed(held, account)
        position = after.position if after else 0
        with self._database.reading(once=True) as tx:
            seen = self._look(tx, position, believed)
            head, epochs = seen.head, seen.epochs
            is_diverged = after is not None and not _continues(after, epochs, seen.hash_there)
            is_behind = not is_diverged and position < head.position
            page = self._page(tx, events_max, last=head.position, after=position) if is_behind else None
        gates = seen.gates if acknowledgement is not None else None
        if self._has_diverged(seen, believed, account):
            return FeedPage(events=(), head=head, time=seen.time, diverged=True, gates=gates, log_diverged=True)
        # Statements without a transaction, which is faster. If the log is replaced in between, the hashes of these
        # events do not continue the caller's log, and the caller sees that.
        events = () if page is None else tuple(self._envelopes.envelopes(page.rows, page.epochs, page.previous))
        return FeedPage(
            events=events,
            head=head,
            time=seen.time,
            diverged=is_diverged,
            gates=gates,
            signed_head=None if self._heads is None else self._heads.latest(head),
            remembered=self._remembered(held) if acknowledgement is None else None,
        )

    def _believed(self, held: HeldHead | None, account: str | None) -> SignedHead | None:
        """The head that the follower names, if keys signed it. What it holds is remembered before the log is read."""
        if held is None or self._watch is None:
            return None
        if held.head is not None and not self._watch.believes(held.head):
            return None
        if self._followers is not None:
            self._followers.hear(held, account)
        return held.head

    def _remembered(self, held: HeldHead | None) -> Remembered | None:
        return None if held is None or self._followers is None else self._followers.remembered(held.follower)

    def _look(self, tx: Connection, position: int, held: SignedHead | None) -> "_Seen":
        if held is None:
            head, hash_there, (divergence, time, *more) = self._store.head_and_hash(tx, position, self._also)
            hash_held = None
        else:
            head, hash_there, (divergence, time, *more, hash_held) = self._store.head_and_hash(
                tx, position, self._also_held, held_at=held.position
            )
        return _Seen(
            head=head,
            epochs=self._store.epochs(tx, head.epoch),
            hash_there=hash_there,
            hash_held=hash_held,
            divergence=divergence,
            time=time,
            gates=more[0] if more else None,
        )

    def _has_diverged(self, seen: "_Seen", held: SignedHead | None, account: str | None) -> bool:
        """Whether the log is known to have diverged, or shows it by this head; then it is remembered."""
        watch, divergence = self._watch, seen.divergence
        if watch is None:
            return False
        if divergence is None and held is not None:
            found = judge(held.head, seen.epochs, seen.hash_held, watch.believes)
            if found is Continuation.DIVERGED:
                divergence = watch.record(held, account, seen.head)
        if divergence is not None:
            watch.tell(divergence)
        return divergence is not None

    def _of_this_log(
        self, acknowledgement: Acknowledgement, after: Head | None, account: str | None
    ) -> tuple[Acknowledgement, int | None]:
        """A position in another log, from before a restore, counts as 0: the gate has applied nothing of this one.

        Beside it, what is committed of this gate in this account's name; None: nothing, or it was not read.
        """
        if after is None:
            return acknowledgement, None
        whose = {"gate": acknowledgement.gate, "whose": account} if self._acknowledged else {}
        with self._database.reading(once=True) as tx:
            head, hash_there, committed = self._store.head_and_hash(tx, after.position, self._acknowledged, **whose)
            epochs = self._store.epochs(tx, head.epoch)
        own = acknowledgement if _continues(after, epochs, hash_there) else replace(acknowledgement, position=0)
        return own, committed[0] if committed else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The log at one moment. `hash_held`: of its row where the follower's head is. `divergence`: as recorded."""

    head: Head
    epochs: Epochs
    hash_there: str | None
    hash_held: str | None
    divergence: str | None
    time: datetime
    gates: int | None


def _continues(after: Head, epochs: Epochs, hash_there: str | None) -> bool:
    return after.epoch == epochs.at(after.position) and hash_there == after.hash
