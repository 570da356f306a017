"""Deduplication of batches: which extents of which spool segment are counted, remembered for ever.

A batch is the bytes [start, end) of its segment. Adjoining extents are merged, so a whole segment ends as one row.
Gates send a batch again with the extent that it had, so one that lies partly in what is counted comes from no gate.
"""

import functools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, or_, select

from services.usage import tables
from services.usage.bulk_upsert import put
from services.usage.intake.segment_accounts import SegmentAccounts
from shared.contracts.usage import RequestMetered
from shared.sql.in_values import is_wanted, listed

Extent = tuple[int, int]


class Outcome(Enum):
    """Of one batch; the values are those that metrics count by."""

    COUNTED = "counted"
    REPEATED = "repeated"  # wholly inside what was counted before
    OVERLAPPING = "overlapping"  # partly inside it: not counted
    FOREIGN = "foreign"  # of a segment that another account sent before: not counted


# Of batches that are in the database now, as their gates may know.
SETTLED = (Outcome.COUNTED, Outcome.REPEATED)


def remember(
    tx: Connection, batches: Sequence[RequestMetered], accounts: Sequence[str | None] | None = None
) -> list[Outcome]:
    """Marks those batches as counted that are to be counted now. `accounts`: who sent each, where that is known."""
    table = tables.counted_extent
    segments = {batch.segment for batch in batches}
    known: dict[str, list[Extent]] = defaultdict(list)
    dialect = tx.dialect.name
    for row in tx.execute(_of_segments(dialect), {"wanted": listed(dialect, segments)}):
        known[row.segment].append((row.start, row.end))
    before = {(segment, *extent) for segment, extents in known.items() for extent in extents}
    outcomes, owners = [], SegmentAccounts(tx, segments)
    for batch, account in zip(batches, accounts or [None] * len(batches), strict=True):
        if not owners.may_send(batch.segment, account):
            outcomes.append(Outcome.FOREIGN)
            continue
        counted = merged(known[batch.segment])
        outcome = _outcome((batch.start, batch.end), counted)
        if outcome is not Outcome.OVERLAPPING:
            owners.take(batch.segment, account)
        if outcome is Outcome.COUNTED:
            counted = merged([*counted, (batch.start, batch.end)])
        known[batch.segment] = counted
        outcomes.append(outcome)
    owners.save()
    after = {(segment, *extent) for segment, extents in known.items() for extent in extents}
    put(tx, table, ("segment", "start", "end"), sorted(after - before))
    gone = {row[:2] for row in before} - {row[:2] for row in after}
    if gone:
        is_gone = (and_(table.c.segment == segment, table.c.start == start) for segment, start in gone)
        tx.execute(delete(table).where(or_(*is_gone)))
    return outcomes


def merged(extents: Iterable[Extent]) -> list[Extent]:
    """The extents in order, with those that adjoin or overlap merged into one."""
    whole: list[Extent] = []
    for start, end in sorted(extents):
        if whole and start <= whole[-1][1]:
            whole[-1] = whole[-1][0], max(end, whole[-1][1])
        else:
            whole.append((start, end))
    return whole


@functools.cache
def _of_segments(dialect: str) -> Select[Any]:
    table = tables.counted_extent
    return select(table).where(is_wanted(dialect, table.c.segment))


def _outcome(extent: Extent, counted: Sequence[Extent]) -> Outcome:
    """`counted`: merged, so that whatever is inside is inside one of them."""
    start, end = extent
    if any(first <= start and end <= last for first, last in counted):
        return Outcome.REPEATED
    return Outcome.OVERLAPPING if any(start < last and first < end for first, last in counted) else Outcome.COUNTED
