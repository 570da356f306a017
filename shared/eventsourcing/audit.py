"""Audit of a log: its rows against its hash chain, and against what followers remember of it. Changes nothing."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

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

    `signed_at`, `signer`, `signature`: of a head that the log's service signed; empty of any other place.
    """

    follower: str
    checkpoint: Head
    signed_at: str = ""
    signer: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The result: `rows` were read, up to `head`; no `findings` means that the log is intact."""

    head: Head
    rows: int
    findings: tuple[Finding, ...]

    def with_findings(self, more: tuple[Finding, ...]) -> "Audit":
        return replace(self, findings=self.findings + more)


def audit(store: EventStore[Tx], anchors: Iterable[Anchor] = (), *, rows_max: int | None = None) -> Audit:
    """Reads the whole log once. Finds edited, removed, inserted, reordered and truncated rows.

    After a broken link the chain is taken up again at the row's stored hash, or at the one it should have had, so
    that one edit is one finding and not one for every later row. `rows_max`: reads the last rows alone, and goes by
    what the row before them says that its hash is.
    """
    with store.reading(unlimited=True) as tx:
        head = store.head(tx)
        before = _BEFORE_ALL if rows_max is None or rows_max >= head.position else head.position - rows_max
        chain = _Chain(genesis_hash(head.epoch))
        if before > 0:
            chain.begin_after(before, store.hash_at(tx, before))
        for row in _rows(store, tx, before):
            chain.add(row)
        chain.end_at(head)
        against = [finding for anchor in anchors for finding in _against(anchor, head, partial(store.hash_at, tx))]
    return Audit(head=head, rows=chain.position, findings=(*chain.findings, *_firsts(against)))


class _Chain:
    """The chain as far as it was checked, and what was wrong. `links`: the hashes that the next row may follow."""

    def __init__(self, genesis: str) -> None:
        self.position = 0
        self.links: tuple[str, ...] = (genesis,)
        self.findings: list[Finding] = []

    def begin_after(self, position: int, hash_there: str | None) -> None:
        self.position, self.links = position, (hash_there or "",)

    def add(self, row: StoredEvent) -> None:
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


def _against(anchor: Anchor, head: Head, hash_at: Callable[[int], str | None]) -> Iterable[Finding]:
    seen = anchor.checkpoint
    hash_now = hash_at(seen.position)
    if seen.epoch != head.epoch:
        yield Finding(position=seen.position, problem=f"{anchor.follower} followed a log of another epoch")
    elif hash_now is None:
        yield Finding(position=seen.position, problem=f"{anchor.follower} has seen this row; it is gone")
    elif hash_now != seen.hash:
        yield Finding(position=seen.position, problem=f"{anchor.follower} has seen another row here")
