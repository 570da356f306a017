"""Records whose samples are stored already, and in which era: of many at once, each hour and era read once."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate

from services.sensors.accounting.identity import Run
from services.sensors.arrival.clocks.era_clock import EraClock
from services.sensors.arrival.laid_runs import lay
from services.sensors.arrival.record import Record
from services.sensors.store.even_times import NS

ROOM = 1.1  # a neighbour is one also where it is a tenth further away
_STRETCH_NS = 3600 * NS  # of what is read at once

Found = dict[int, int]
"""By a record's place: an era."""

Known = Callable[[EraClock, Sequence[Record]], Mapping[str, Sequence[Run]]]
Clocks = Callable[[Sequence[Record]], Sequence[EraClock]]


def eras_of(records: Mapping[int, Record], clocks: Clocks, known: Known) -> Found:
    """Of those that are stored: the first era that has all of their samples.

    `clocks`: of the eras near some records, by number. `known`: what is stored of their time in an era. Both are asked
    with records by device time.
    """
    return eras_at(records, clocks, known)[0]


def eras_at(records: Mapping[int, Record], clocks: Clocks, known: Known) -> tuple[Found, dict[int, list[int]]]:
    """As `eras_of`; and of the others the eras that have samples of their time, which are others then."""
    found, others = Found(), defaultdict[int, list[int]](list)
    for stretch in _stretches(records):
        left = stretch
        for clock in clocks([record for _, record in stretch]):
            runs = _Runs(known(clock, [record for _, record in left]), clock.device_interval_ns)
            for place, record in left:
                if runs.hold(record):
                    found[place] = clock.era
                elif runs.meet(record):
                    others[place].append(clock.era)
            left = [one for one in left if one[0] not in found]
            if not left:
                break
    return found, others


def _stretches(records: Mapping[int, Record]) -> Iterator[list[tuple[int, Record]]]:
    """By device time."""
    stretch: list[tuple[int, Record]] = []
    for one in sorted(records.items(), key=lambda one: one[1].device_ns):
        if stretch and one[1].device_ns - stretch[0][1].device_ns > _STRETCH_NS:
            yield stretch
            stretch = []
        stretch.append(one)
    if stretch:
        yield stretch


class _Runs:
    """Of one era, found by device time."""

    def __init__(self, known: Mapping[str, Sequence[Run]], interval_ns: float) -> None:
        self._interval_ns = interval_ns
        self._of = {axis: sorted(runs, key=lambda run: run.device_ns) for axis, runs in known.items()}
        self._starts = {axis: [run.device_ns for run in runs] for axis, runs in self._of.items()}
        ends = {axis: (run.device_end_ns for run in runs) for axis, runs in self._of.items()}
        self._ends = {axis: list(accumulate(of_axis, max)) for axis, of_axis in ends.items()}

    def meet(self, record: Record) -> bool:
        """Whether one of them has a sample of the record's time."""
        first_ns = record.device_ns - round((record.count - 1) * self._interval_ns)
        return any(
            run.device_ns <= record.device_ns and first_ns <= run.device_end_ns
            for axis in self._of
            for run in self._near(axis, record)
        )

    def hold(self, record: Record) -> bool:
        """All of its samples."""
        if not record.tells:
            return False
        near = {axis: self._near(axis, record) for axis in self._of}
        if not all(near.values()):
            return False
        return lay([record], near, self._interval_ns).account.repeated == record.values.size

    def _near(self, axis: str, record: Record) -> Sequence[Run]:
        """Those that it may be laid upon, and the one before."""
        first_ns = record.device_ns - round((record.count + 2) * ROOM * self._interval_ns) - NS
        last_ns = record.device_ns + round(self._interval_ns) + NS
        begun = bisect_right(self._starts[axis], last_ns)
        return self._of[axis][bisect_left(self._ends[axis], first_ns) : begun]
