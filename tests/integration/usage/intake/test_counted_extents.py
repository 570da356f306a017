"""What was counted is known for ever, and in few rows."""

import itertools
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from services.usage import tables
from services.usage.intake.counted_extents import merged, remember
from shared.contracts.usage import RequestMetered
from shared.sql.database import Database


def extent(segment: str, start: int, end: int) -> RequestMetered:
    return RequestMetered(segment=segment, start=start, end=end, records=())


def test_a_whole_segment_ends_as_one_row_in_whatever_order_its_batches_come(usage_database: Database) -> None:
    cuts = [0, 3, 10, 11, 40, 41, 100]
    batches = [extent(segment, *cut) for segment in ("a", "b") for cut in itertools.pairwise(cuts)]
    for seed in range(5):
        random.Random(seed).shuffle(batches)
        news: list[bool] = []
        with usage_database.transaction() as tx:
            tx.execute(tables.counted_extent.delete())
        for first in range(0, len(batches), 3):
            with usage_database.transaction() as tx:
                news += remember(tx, batches[first : first + 3])
                news += [not is_new for is_new in remember(tx, batches[first : first + 3])]
        assert all(news)
        with usage_database.reading() as tx:
            rows = {tuple(row) for row in tx.execute(select(tables.counted_extent))}
        assert rows == {("a", 0, 100), ("b", 0, 100)}


def test_a_batch_twice_in_one_transaction_is_new_once(usage_database: Database) -> None:
    with usage_database.transaction() as tx:
        assert remember(tx, [extent("a", 5, 9), extent("a", 5, 9), extent("b", 5, 9)]) == [True, False, True]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)).map(lambda pair: (pair[0], sum(pair)))))
@settings(deadline=None)
def test_merging_changes_no_byte_and_leaves_none_that_adjoin(extents: list[tuple[int, int]]) -> None:
    whole = merged(extents)
    assert {byte for start, end in whole for byte in range(start, end)} == {
        byte for start, end in extents for byte in range(start, end)
    }
    assert all(first[1] < second[0] for first, second in itertools.pairwise(whole))
