"""Deduplication of batches: which extents of which spool segment are counted, remembered for ever.

A batch is the bytes [start, end) of its segment. Adjoining extents are merged, so a whole segment ends as one row.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, and_, delete, or_, select

from services.usage import tables
from services.usage.bulk_upsert import put
from shared.contracts.usage import RequestMetered
from shared.sql.in_values import in_values

Extent = tuple[int, int]


def remember(tx: Connection, batches: Sequence[RequestMetered]) -> list[bool]:
    """Marks the batches as counted; True for each that was not counted before."""
    table = tables.counted_extent
    segments = {batch.segment for batch in batches}
    known: dict[str, list[Extent]] = defaultdict(list)
    for row in tx.execute(select(table).where(in_values(tx, table.c.segment, segments))):
        known[row.segment].append((row.start, row.end))
    before = {(segment, *extent) for segment, extents in known.items() for extent in extents}
    are_new = []
    for batch in batches:
        counted = known[batch.segment]
        is_new = not any(start <= batch.start < end for start, end in counted)
        if is_new:
            counted.append((batch.start, batch.end))
        are_new.append(is_new)
    after = {(segment, *extent) for segment, extents in known.items() for extent in merged(extents)}
    put(tx, table, ("segment", "start", "end"), sorted(after - before))
    gone = {row[:2] for row in before} - {row[:2] for row in after}
    if gone:
        is_gone = (and_(table.c.segment == segment, table.c.start == start) for segment, start in gone)
        tx.execute(delete(table).where(or_(*is_gone)))
    return are_new


def merged(extents: Iterable[Extent]) -> list[Extent]:
    """The extents in order, with those that adjoin or overlap merged into one."""
    whole: list[Extent] = []
    for start, end in sorted(extents):
        if whole and start <= whole[-1][1]:
            whole[-1] = whole[-1][0], max(end, whole[-1][1])
        else:
            whole.append((start, end))
    return whole
