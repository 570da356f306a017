"""What is kept of a clock does not depend on how the records came."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.sensors.timing.hull import PIECE_NS, Piece, Point, lower_hull, lowered, merged, piece_of

NS = 1_000_000_000
records = st.lists(
    st.tuples(st.integers(0, PIECE_NS - 1), st.integers(0, 60 * NS)),
    min_size=1,
    max_size=40,
    unique_by=lambda one: one[0],
)


def kept(some: list[tuple[int, int]]) -> Piece | None:
    piece = None
    for device_ns, delay_ns in some:
        piece = merged(piece, piece_of(device_ns, device_ns + delay_ns, 32))
    return piece


@given(records, st.randoms(use_true_random=False), st.integers(0, 40))
def test_any_order_and_any_split_of_the_records_give_the_same(
    some: list[tuple[int, int]], draw: random.Random, split: int
) -> None:
    shuffled = list(some)
    draw.shuffle(shuffled)
    one, other = kept(shuffled[:split]), kept(shuffled[split:])
    together = one if other is None else merged(one, other)
    assert together == kept(some)


@given(records)
def test_no_record_lies_under_the_hull_and_its_points_are_records(some: list[tuple[int, int]]) -> None:
    points = [Point(*one) for one in some]
    hull = lower_hull(points)
    assert set(hull) <= set(points)
    for left, right in pairwise(hull):
        for point in points:
            if left.device_ns <= point.device_ns <= right.device_ns:
                rise = (right.delay_ns - left.delay_ns) * (point.device_ns - left.device_ns)
                assert (point.delay_ns - left.delay_ns) * (right.device_ns - left.device_ns) >= rise


def test_a_record_that_comes_again_counts_no_samples_and_may_only_lower_its_delay() -> None:
    piece = piece_of(5 * NS, 9 * NS, 32)
    assert lowered(piece, Point(5 * NS, 6 * NS)) == piece
    assert lowered(piece, Point(5 * NS, NS)) == piece_of(5 * NS, 6 * NS, 32)
