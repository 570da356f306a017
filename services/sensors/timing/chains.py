"""Two chains of records: which are of the setting of a device's clock before, which of the one after, by continuity.

Records of one setting follow one another without a gap, save for whole records that are missing. Those before the
clock was set go on from what is known before, those after it lead up to what is known after; where the clock was set
back, both have the same device times, and interleave. Of all divisions into two such chains the least strained is
taken: told by what records span, whatever their order.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

_MISSING = 0.01  # the strain of a missing record; that of one that is there twice is 1
_SET = 0.007  # less: where something is missing, the clock may have been set
_MISSING_MAX = 10  # that count before the first record and after the last: what is known there may not be the nearest
_SPAN_RATIO = 0.005  # that spans may be wrong by
_STEP_NS = 5_000_000_000  # that the step of the clock may be wrong by
_WAYS_MAX = 16


class Kept(NamedTuple):
    """A record: the device time of its last sample, what it spans, and which setting it may be of: one or both."""

    device_ns: int
    span_ns: int
    may_be_old: bool
    may_be_new: bool


class Known(NamedTuple):
    """Device times of the last record before and of the first one after, and by how much the clock was set."""

    old_ns: int
    new_ns: int
    step_ns: int


class _Way(NamedTuple):
    """A division of the first records: where its two chains end, where the new one begins, and what the last one is."""

    strain: float
    old_ns: int
    new_ns: int | None
    begin_ns: int | None
    is_new: bool
    before: "_Way | None"

    @property
    def ends(self) -> tuple[int, int | None, int | None]:
        return self.old_ns, self.new_ns, self.begin_ns


def are_new(records: Sequence[Kept], known: Known) -> list[bool]:
    """Which are of the new setting."""
    order = sorted(range(len(records)), key=lambda place: records[place])
    ways = [_Way(0.0, known.old_ns, None, None, False, None)]
    for place in order:
        ways = _least(on for way in ways for on in _onwards(way, records[place], known))
    span_ns = records[order[-1]].span_ns
    way: _Way | None = _least(way._replace(strain=way.strain + _whole(way, known, span_ns)) for way in ways)[0]
    found = [False] * len(records)
    for place in reversed(order):
        if way is not None:
            found[place], way = way.is_new, way.before
    return found


def _onwards(way: _Way, kept: Kept, known: Known) -> Iterable[_Way]:
    end_ns, span_ns = kept.device_ns, kept.span_ns
    if kept.may_be_old:
        strain = _strain(way.old_ns, end_ns, span_ns, is_known=way.old_ns == known.old_ns)
        yield _Way(way.strain + strain, end_ns, way.new_ns, way.begin_ns, False, way)
    if kept.may_be_new and way.new_ns is None:
        yield _Way(way.strain + _SET, way.old_ns, end_ns, end_ns - span_ns, True, way)
    elif kept.may_be_new and way.new_ns is not None:
        yield _Way(way.strain + _strain(way.new_ns, end_ns, span_ns), way.old_ns, end_ns, way.begin_ns, True, way)


def _whole(way: _Way, known: Known, span_ns: int) -> float:
    """The strain of what follows the last record, and of when the clock was set: shortly after the old ones ended."""
    strain, begin_ns = _SET, known.new_ns - span_ns
    if way.new_ns is not None and way.begin_ns is not None:
        begin_ns = way.begin_ns
        strain = _strain(way.new_ns, known.new_ns, span_ns, is_known=True) if way.new_ns < known.new_ns else 0.0
    off_ns = abs(begin_ns - way.old_ns - known.step_ns) - _STEP_NS
    return strain + _MISSING * min(max(off_ns / span_ns, 0.0), _MISSING_MAX)


def _strain(before_ns: int, end_ns: int, span_ns: int, *, is_known: bool = False) -> float:
    """Of a link. By the square: one that is far from any grid is worse than several that are a little off."""
    spans = (end_ns - before_ns) / span_ns - 1
    missing = max(round(spans), 0)
    off = max(abs(spans - missing) - _SPAN_RATIO * missing, 0.0)
    return off**2 + _MISSING * (min(missing, _MISSING_MAX) if is_known else missing)


def _least(ways: Iterable[_Way]) -> list[_Way]:
    """Of those with the same ends the least strained one, and the least strained of all these."""
    found: dict[tuple[int, int | None, int | None], _Way] = {}
    for way in sorted(ways, key=lambda way: (way.strain, way.old_ns, way.is_new)):
        found.setdefault(way.ends, way)
        if len(found) == _WAYS_MAX:
            break
    return list(found.values())
