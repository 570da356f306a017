"""Checks a log against its own chain and against what its followers remember of it. Changes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.event_store import EventStore, Head, Tx, genesis_hash, row_hash

_PAGE_ROWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong, at one row: `position` names it."""

    position: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What a follower, in a database of its own, last saw of the log."""

    follower: str
    checkpoint: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    head: Head
    rows: int
    findings: tuple[Finding, ...]


def audit(store: EventStore[Tx], anchors: Iterable[Anchor] = ()) -> Audit:
    """Reads the whole log once. Finds edited, removed, inserted, reordered and truncated rows.

    After the first broken link the chain is taken up again at the next row's stored hash, so that one edit is one
    finding and not one for every later row.
    """
    findings: list[Finding] = []
    with store.reading() as tx:
        head = store.head(tx)
        previous, position = genesis_hash(head.epoch), 0
        while page := store.after(tx, position, _PAGE_ROWS):
            for row in page:
                if row.position != position + 1:
                    findings.append(Finding(position=position + 1, problem=f"rows missing before {row.position}"))
                elif row_hash(previous, row) != row.hash:
                    findings.append(Finding(position=row.position, problem="the row does not match its hash"))
                previous, position = row.hash, row.position
        if (position, previous) != (head.position, head.hash):
            problem = f"the head names row {head.position}, the last row is {position}"
            findings.append(Finding(position=position + 1, problem=problem))
        for anchor in anchors:
            findings.extend(_against(anchor, head, store.hash_at(tx, anchor.checkpoint.position)))
    return Audit(head=head, rows=position, findings=tuple(findings))


def _against(anchor: Anchor, head: Head, hash_now: str | None) -> Iterable[Finding]:
    seen = anchor.checkpoint
    if seen.epoch != head.epoch:
        yield Finding(position=seen.position, problem=f"{anchor.follower} followed a log of another epoch")
    elif hash_now is None:
        yield Finding(position=seen.position, problem=f"{anchor.follower} has seen this row; it is gone")
    elif hash_now != seen.hash:
        yield Finding(position=seen.position, problem=f"{anchor.follower} has seen another row here")
