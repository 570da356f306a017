"""What was counted is known for ever, and in few rows."""

import itertools
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from services.usage import tables
from services.usage.intake.counted_extents import Outcome, merged, remember
from shared.contracts.usage import RequestMetered
from shared.sql.database import Database


def extent(segment: str, start: int, end: int) -> RequestMetered:
    return RequestMetered(segment=segment, start=start, end=end, records=())


def test_a_whole_segment_ends_as_one_row_in_whatever_order_its_batches_come(usage_database: Database) -> None:
    cuts = [0, 3, 10, 11, 40, 41, 100]
    batches = [extent(segment, *cut) for segment in ("a", "b") for cut in itertools.pairwise(cuts)]
    for seed in range(5):
        random.Random(seed).shuffle(batches)
        outcomes: list[Outcome] = []
        with usage_database.transaction() as tx:
            tx.execute(tables.counted_extent.delete())
        for first in range(0, len(batches), 3):
            with usage_database.transaction() as tx:
                outcomes += remember(tx, batches[first : first + 3])
                assert set(remember(tx, batches[first : first + 3])) == {Outcome.REPEATED}
        assert set(outcomes) == {Outcome.COUNTED}
        with usage_database.reading() as tx:
            rows = {tuple(row) for row in tx.execute(select(tables.counted_extent))}
        assert rows == {("a", 0, 100), ("b", 0, 100)}


def test_a_batch_twice_in_one_transaction_is_new_once(usage_database: Database) -> None:
    with usage_database.transaction() as tx:
        outcomes = remember(tx, [extent("a", 5, 9), extent("a", 5, 9), extent("b", 5, 9)])
    assert outcomes == [Outcome.COUNTED, Outcome.REPEATED, Outcome.COUNTED]


def test_what_is_partly_counted_is_told_from_what_is_wholly_so_and_changes_nothing(usage_database: Database) -> None:
    with usage_database.transaction() as tx:
        remember(tx, [extent("a", 10, 20), extent("a", 20, 30), extent("a", 40, 50)])
    for start, end, outcome in (
        (10, 30, Outcome.REPEATED),  # over what were two
        (15, 25, Outcome.REPEATED),
        (5, 11, Outcome.OVERLAPPING),
        (29, 31, Outcome.OVERLAPPING),
        (25, 45, Outcome.OVERLAPPING),
        (0, 100, Outcome.OVERLAPPING),
        (30, 40, Outcome.COUNTED),
        (0, 10, Outcome.COUNTED),
        (0, 50, Outcome.REPEATED),
    ):
        with usage_database.transaction() as tx:
            assert remember(tx, [extent("a", start, end)]) == [outcome]
    with usage_database.reading() as tx:
        assert [tuple(row) for row in tx.execute(select(tables.counted_extent))] == [("a", 0, 50)]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)).map(lambda pair: (pair[0], sum(pair)))))
@settings(deadline=None)
def test_merging_changes_no_byte_and_leaves_none_that_adjoin(extents: list[tuple[int, int]]) -> None:
    whole = merged(extents)
    assert {byte for start, end in whole for byte in range(start, end)} == {
        byte for start, end in extents for byte in range(start, end)
    }
    assert all(first[1] < second[0] for first, second in itertools.pairwise(whole))
