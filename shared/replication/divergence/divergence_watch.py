"""Divergence watch: believes the heads that followers name as far as keys signed them, and remembers a divergence.

It is remembered with the log's head, so that every process and door that appends finds it there, until it is accepted.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable

import msgspec
import structlog
from sqlalchemy import Connection, MetaData, func, select, update

from shared.eventsourcing.epochs import LogRestored
from shared.eventsourcing.event_store import Head
from shared.observability import metrics
from shared.observability.once_a_minute import OnceAMinute
from shared.replication.divergence.signed_restoration import is_signed
from shared.replication.proof.signatures import Verifier
from shared.replication.proof.signed_heads import SignedHead
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.timestamps import rfc3339

# Followers name the same head for a minute; what a stranger makes up pushes out others and costs a verification.
_REMEMBERED_MAX = 256
_lines = OnceAMinute()  # of the process
_log = structlog.get_logger(__name__)


class Divergence(msgspec.Struct, frozen=True, kw_only=True):
    """What showed it: a signed head that the log does not continue, and which account named it."""

    held: SignedHead
    told_by: str | None
    found_at: str


class MarkDamaged(Exception):
    """What is remembered of a divergence cannot be read: the log serves nobody all the same."""

    def __init__(self) -> None:
        super().__init__("what is remembered of its having been put back cannot be read")


def recorded(tx: Connection, metadata: MetaData) -> Divergence | None:
    """What is remembered with the log's head; None: nothing. Raises MarkDamaged."""
    told = tx.execute(select(metadata.tables["log_head"].c.divergence)).scalar_one()
    return None if told is None else _read(told)


class DivergenceWatch:
    def __init__(
        self, database: Database, metadata: MetaData, verifier_of: Callable[[str], Verifier | None], clock: Clock
    ) -> None:
        """`verifier_of`: a signer's thumbprint → what believes it; None: no key of ours."""
        self._database, self._verifier_of, self._clock = database, verifier_of, clock
        self._head = metadata.tables["log_head"]
        self._verified: OrderedDict[Hashable, bool] = OrderedDict()

    def believes(self, named: SignedHead | LogRestored) -> bool:
        """Whether keys signed it, with this key or one before."""
        known = self._verified.get(named)
        if known is None:
            known = self._verified[named] = self._verify(named)
            while len(self._verified) > _REMEMBERED_MAX:
                self._verified.popitem(last=False)
        return known

    def record(self, held: SignedHead, account: str | None, seen: Head) -> str:
        """Durably. From the commit on nothing is appended to the log; the first that showed it stays.

        `seen`: the log's head as it was judged; of one that moved on meanwhile, or was accepted, nothing is recorded.
        """
        divergence = Divergence(held=held, told_by=account, found_at=rfc3339(self._clock.now()))
        head, text = self._head.c, msgspec.json.encode(divergence).decode()
        is_as_seen = (
            func.coalesce(head.present_epoch, head.epoch) == seen.epoch,
            head.position == seen.position,
            head.hash == seen.hash,
        )
        with self._database.transaction(urgent=True) as tx:
            tx.execute(update(self._head).where(head.divergence.is_(None), *is_as_seen).values(divergence=text))
        return text

    def tell(self, text: str) -> None:
        """Counts an answer that the log has diverged, and says so in the log once a minute. `text`: as recorded."""
        metrics.log_diverged.inc()
        if (answers := _lines.due()) is not None:
            _log.error(
                "log_diverged",
                **_told(text),
                answers=answers,
                detail="the log was put back to before that: put a newer database back, or run `grillo restore accept`",
            )

    def _verify(self, named: SignedHead | LogRestored) -> bool:
        verifier = self._verifier_of(named.signer)
        if verifier is None:
            return False
        return named.is_signed(verifier) if isinstance(named, SignedHead) else is_signed(named, verifier)


def _told(text: str) -> dict[str, int | str | None]:
    try:
        found = _read(text)
    except MarkDamaged as damaged:
        return {"fault": str(damaged)}
    return {
        "seen_position": found.held.position,
        "seen_at": found.held.signed_at,
        "found_at": found.found_at,
        "told_by": found.told_by,
    }


def _read(told: str) -> Divergence:
    try:
        return msgspec.json.decode(told, type=Divergence)
    except (msgspec.DecodeError, TypeError):  # a flipped bit may make a number of it, in SQLite
        raise MarkDamaged from None
