"""Audit of a log: its rows against its hash chain, and against what followers remember of it. Changes nothing."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from shared.eventsourcing.continuation import Continuation, judge
from shared.eventsourcing.epochs import LOG_RESTORED, Epochs, LogRestored
from shared.eventsourcing.event_store import EventStore, Head, StoredEvent, Tx, genesis_hash, row_hash

_PAGE_ROWS = 1000
_HASH = re.compile(r"[0-9a-f]{64}")
_BEFORE_ALL = -(2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault of the log, at the row `position`."""

    position: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """Where a follower once saw the log at, kept in a database of its own.

    `signed_at`, `signer`, `signature`: of a head that the log's service signed; empty of any other place. `offered`:
    how many samples it said with it to have been offered.
    """

    follower: str
    checkpoint: Head
    signed_at: str = ""
    signer: str = ""
    signature: str = ""
    offered: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The result: `rows` were read, up to `head`; no `findings` means that the log is intact.

    `restored`: restores that were accepted, each with how many of the places remembered it gave up: no findings.
    """

    head: Head
    rows: int
    findings: tuple[Finding, ...]
    restored: tuple["Accepted", ...] = ()

    def with_findings(self, more: tuple[Finding, ...]) -> "Audit":
        return replace(self, findings=self.findings + more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """`by`: the metadata of its row, which says who. `given_up`: places that followers remember, and it explains."""

    event: LogRestored
    by: str
    given_up: int


def audit(
    store: EventStore[Tx],
    anchors: Iterable[Anchor] = (),
    is_believed: Callable[[LogRestored], bool] = lambda _: True,
    *,
    rows_max: int | None = None,
) -> Audit:
    """Reads the whole log once. Finds edited, removed, inserted, reordered and truncated rows.

    `is_believed`: whether an accepted restore was signed as it must be; one that was not excuses nothing.

    After a broken link the chain is taken up again at the row's stored hash, or at the one it should have had, so
    that one edit is one finding and not one for every later row. `rows_max`: reads the last rows alone, and goes by
    what the row before them says that its hash is.
    """
    with store.reading(unlimited=True) as tx:
        head, epochs = store.head(tx), store.epochs(tx)
        before = _BEFORE_ALL if rows_max is None or rows_max >= head.position else head.position - rows_max
        chain = _Chain(genesis_hash(epochs.first))
        if before > 0:
            chain.begin_after(before, store.hash_at(tx, before))
        for row in _rows(store, tx, before):
            chain.add(row)
        chain.end_at(head)
        places, hash_at = tuple(anchors), partial(store.hash_at, tx)
        against = [finding for anchor in places for finding in _against(anchor, epochs, hash_at, is_believed)]
        restored = tuple(_accepted(event, chain.restored, places, epochs, hash_at) for event in epochs.restorations)
    believed = tuple(each for each in restored if is_believed(each.event))
    return Audit(head=head, rows=chain.position, findings=(*chain.findings, *_firsts(against)), restored=believed)


class _Chain:
    """The chain as far as it was checked, and what was wrong. `links`: the hashes that the next row may follow.

    `restored`: position → metadata, of each row that tells of an accepted restore.
    """

    def __init__(self, genesis: str) -> None:
        self.position = 0
        self.links: tuple[str, ...] = (genesis,)
        self.findings: list[Finding] = []
        self.restored: dict[int, str] = {}

    def begin_after(self, position: int, hash_there: str | None) -> None:
        self.position, self.links = position, (hash_there or "",)

    def add(self, row: StoredEvent) -> None:
        if row.type == LOG_RESTORED:
            self.restored[row.position] = row.metadata
        if row.position <= self.position:
            self._found(row.position, "a row before the first")
            return
        rightful = _hashes_after(self.links, row)
        if row.position != self.position + 1:
            self._found(self.position + 1, f"rows missing before {row.position}")
            self.links = (row.hash,)
        elif row.hash not in rightful:
            self._found(row.position, "the row does not match its hash")
            self.links = (row.hash, *rightful[-1:])
        else:
            self.links = (row.hash,)
        self.position = row.position

    def end_at(self, head: Head) -> None:
        if self.position != head.position:
            problem = f"the head names row {head.position}, the last row is {self.position}"
            self._found(min(self.position, head.position) + 1, problem)
        elif head.hash not in self.links:
            self._found(self.position, "the head has another hash than the last row")

    def _found(self, position: int, problem: str) -> None:
        self.findings.append(Finding(position=position, problem=problem))


def _rows(store: EventStore[Tx], tx: Tx, position: int) -> Iterator[StoredEvent]:
    """All rows after a position, also any that an intruder put at positions that the log never gives."""
    while page := store.after(tx, position, _PAGE_ROWS):
        yield from page
        position = page[-1].position


def _hashes_after(links: Iterable[str], row: StoredEvent) -> tuple[str, ...]:
    """The hash this row should have after each link. None for a link that is not a hash, or fields of wrong types."""
    try:
        return tuple(row_hash(link, row) for link in links if _HASH.fullmatch(link))
    except (AttributeError, TypeError):
        return ()  # SQLite keeps values of any type in a text column, if an intruder puts them there


def _firsts(findings: Iterable[Finding]) -> Iterable[Finding]:
    """The first of each kind: one edit contradicts all that was remembered after it."""
    firsts: dict[str, Finding] = {}
    for finding in sorted(findings, key=lambda finding: finding.position):
        firsts.setdefault(finding.problem, finding)
    return firsts.values()


def _against(
    anchor: Anchor,
    epochs: Epochs,
    hash_at: Callable[[int], str | None],
    is_believed: Callable[[LogRestored], bool],
) -> Iterable[Finding]:
    seen = anchor.checkpoint
    hash_now = hash_at(seen.position)
    if judge(seen, epochs, hash_now, is_believed) is not Continuation.DIVERGED:
        return
    if seen.epoch not in {epochs.first, *(epoch.name for epoch in epochs.later)}:
        yield Finding(position=seen.position, problem=f"{anchor.follower} followed a log of another epoch")
    elif hash_now is None:
        yield Finding(position=seen.position, problem=f"{anchor.follower} has seen this row; it is gone")
    else:
        yield Finding(position=seen.position, problem=f"{anchor.follower} has seen another row here")


def _accepted(
    event: LogRestored,
    told: Mapping[int, str],
    places: Iterable[Anchor],
    epochs: Epochs,
    hash_at: Callable[[int], str | None],
) -> Accepted:
    only = Epochs(first=epochs.first, later=epochs.later, restorations=(event,))
    judged = [judge(each.checkpoint, only, hash_at(each.checkpoint.position), lambda _: True) for each in places]
    given_up = judged.count(Continuation.GIVEN_UP)
    return Accepted(event=event, by=told.get(event.position + 1, "{}"), given_up=given_up)
