"""Laid runs: records of one era put one after the other, each sample judged against what is stored.

Records that follow each other become one run of half a minute, so that a file of a second a line gives few rows.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

import numpy as np

from services.sensors.accounting.account import Account
from services.sensors.accounting.identity import STRAY, Contradiction, Judged, Run, judge_record
from services.sensors.arrival.record import AXES, Record
from services.sensors.timing.starts import Extent, first_ns, joined_ns

RUN_NS_MAX = 32_000_000_000
_GRID = 0.2  # of an interval: how far stamps may stray from a run's even grid


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """Samples offered again with other values: `run` is the record's, `part` where in it."""

    axis: str
    run: Run
    part: Contradiction
    source: str


@dataclass(slots=True)
class Laid:
    """`new`: runs to store, by axis. `fresh`: by record, how many new samples an axis of it has.

    `senders`: what became of the samples of each account that sent some.
    """

    new: dict[str, list[Run]] = field(default_factory=lambda: {axis: [] for axis in AXES})
    fresh: list[int] = field(default_factory=list)
    account: Account = field(default_factory=Account)
    senders: defaultdict[str, Account] = field(default_factory=lambda: defaultdict(Account))
    found: list[Found] = field(default_factory=list)


def lay(records: Sequence[Record], known: Mapping[str, Iterable[Run]], interval_ns: float) -> Laid:
    """`records` by device time. `known`: what is stored of their time and era, and right before."""
    laid = Laid()
    stored = {axis: list(known.get(axis, ())) for axis in AXES}
    spans, row = _Spans(stored, interval_ns), Row(interval_ns)
    new = repeated = differing = 0
    for record in records:
        before = spans.last_before(record)
        start_ns = first_ns(record.device_ns, record.count, before, interval_ns)
        if not spans.meet(start_ns, record.device_ns):
            if not row.continues(record, start_ns):
                _close(row, laid)
                row.begin(record, start_ns, before)
            row.add(record)
            laid.fresh.append(record.count)
            new += record.values.size
            if record.sender is not None:
                laid.senders[record.sender] += Account(new=record.values.size)
            spans.grow(Extent(row.first_ns, record.device_ns, row.count))
            continue
        _close(row, laid)
        judged = _judge(record, start_ns, stored, laid, interval_ns)
        laid.fresh.append(max(sum(stop - first for first, stop in one.new) for one in judged.values()))
        for axis, one in judged.items():
            run = _run(record, axis, start_ns)
            laid.found += [Found(axis=axis, run=run, part=part, source=record.source) for part in one.contradictions]
            laid.new[axis] += [part_of(run, first, stop) for first, stop in one.new]
        of_record = Account(
            new=sum(stop - first for one in judged.values() for first, stop in one.new),
            repeated=sum(one.repeated for one in judged.values()),
            differing=sum(one.differing for one in judged.values()),
        )
        new += of_record.new
        repeated += of_record.repeated
        differing += of_record.differing
        if record.sender is not None:
            laid.senders[record.sender] += of_record
        spans.grow(Extent(start_ns, record.device_ns, record.count))
    _close(row, laid)
    laid.account = Account(new=new, repeated=repeated, differing=differing)
    return laid


class Row:
    """Records in a row that become one run, as long as their stamps keep to an even grid."""

    def __init__(self, interval_ns: float) -> None:
        self._interval_ns = interval_ns
        self.first_ns = 0
        self.records: list[Record] = []
        self.count = 0  # of samples on an axis

    def add(self, record: Record) -> None:
        self.records.append(record)
        self.count += record.count

    def begin(self, record: Record, first_ns: int, before: Extent | None) -> None:
        """Where the stamp says, but joined to the run before."""
        self.first_ns, self.count = first_ns, 0
        if before is not None and record.count > 1:  # one sample has no end apart from its start, to stay as stamped
            self.first_ns = joined_ns(first_ns, record.device_ns, record.count, before, self._interval_ns)

    def continues(self, record: Record, first_ns: int) -> bool:
        if not self.records:
            return False
        last = self.records[-1]
        due_ns = self.first_ns + self.count * self._interval_ns
        return (
            abs(first_ns - due_ns) < _GRID * self._interval_ns
            and record.device_ns - self.first_ns < RUN_NS_MAX
            and record.values.dtype == last.values.dtype
        )


class _Spans:
    """What is known at a device time: what was stored, and what was laid so far."""

    def __init__(self, stored: Mapping[str, Sequence[Run]], interval_ns: float) -> None:
        of_first = (Extent(run.device_ns, run.device_end_ns, run.values.size) for run in stored[AXES[0]])
        self._stored = sorted(of_first, key=lambda span: span.device_end_ns)
        runs = sorted((run.device_ns, run.device_end_ns) for of_axis in stored.values() for run in of_axis)
        self._starts = [start for start, _ in runs]
        self._ends = list(accumulate((end for _, end in runs), max))  # the last end of all that begin no later
        self._slack_ns = STRAY * interval_ns
        self._laid: Extent | None = None

    def last_before(self, record: Record) -> Extent | None:
        """The run that ends last before the record does."""
        place = bisect_left(self._stored, record.device_ns, key=lambda span: span.device_end_ns)
        ending = [span for span in (self._laid, self._stored[place - 1] if place else None) if span is not None]
        earlier = [span for span in ending if span.device_end_ns < record.device_ns]
        return max(earlier, key=lambda span: span.device_end_ns, default=None)

    def meet(self, first_ns: int, last_ns: int) -> bool:
        if self._laid is not None and first_ns <= self._laid.device_end_ns + self._slack_ns:
            return True
        begun = bisect_right(self._starts, last_ns + self._slack_ns)
        return begun > 0 and self._ends[begun - 1] + self._slack_ns >= first_ns

    def grow(self, span: Extent) -> None:
        if self._laid is None or span.device_end_ns >= self._laid.device_end_ns:
            self._laid = span


def part_of(run: Run, first: int, stop: int) -> Run:
    length_ns, last = run.device_end_ns - run.device_ns, max(run.values.size - 1, 1)
    return Run(
        device_ns=run.device_ns + length_ns * first // last,
        device_end_ns=run.device_ns + length_ns * (stop - 1) // last,
        values=run.values[first:stop],
    )


def _judge(
    record: Record, start_ns: int, stored: Mapping[str, Sequence[Run]], laid: Laid, interval_ns: float
) -> dict[str, Judged]:
    """Where the record contradicts only runs that end before it, or that may begin after it, it contradicts none."""
    near = {
        axis: [
            run for run in (*stored[axis], *laid.new[axis]) if _touches(run, start_ns, record.device_ns, interval_ns)
        ]
        for axis in AXES
    }
    judged = _judged(record, start_ns, near, interval_ns)
    if any(one.differing for one in judged.values()):
        later = {
            axis: [_begun_after(record, run, interval_ns) for run in runs if run.device_end_ns >= start_ns]
            for axis, runs in near.items()
        }
        apart = _judged(record, start_ns, later, interval_ns)
        if not any(one.differing for one in apart.values()):
            return apart
    return judged


def _judged(record: Record, start_ns: int, near: Mapping[str, Sequence[Run]], interval_ns: float) -> dict[str, Judged]:
    return {axis: judge_record(_run(record, axis, start_ns), near[axis], interval_ns) for axis in AXES}


def _begun_after(record: Record, run: Run, interval_ns: float) -> Run:
    """A run that came before its neighbour begins where the rate said, which is wrong until it is measured."""
    before = Extent(record.device_ns, record.device_ns, 1)
    begun_ns = first_ns(run.device_end_ns, run.values.size, before, run.spacing_ns(interval_ns))
    return replace(run, device_ns=max(run.device_ns, begun_ns))


def _touches(run: Run, first_ns: int, last_ns: int, interval_ns: float) -> bool:
    return run.device_end_ns + interval_ns >= first_ns and run.device_ns - interval_ns <= last_ns


def _run(record: Record, axis: str, first_ns: int) -> Run:
    return Run(device_ns=first_ns, device_end_ns=record.device_ns, values=record.values[AXES.index(axis)])


def _close(row: Row, laid: Laid) -> None:
    if not row.records:
        return
    values = np.concatenate([record.values for record in row.records], axis=1)
    for axis, of_axis in zip(AXES, values, strict=True):
        laid.new[axis].append(Run(device_ns=row.first_ns, device_end_ns=row.records[-1].device_ns, values=of_axis))
    row.records.clear()
