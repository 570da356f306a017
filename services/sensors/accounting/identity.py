"""Identity of samples: device, era, device time and place in the record tell which were stored before.

Never their estimated true time, so that a better estimate moves times and no count. Where a file has no device
clock, the sample's own time stands for it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil

import numpy as np
from numpy.typing import NDArray

STRAY = 0.15
"""Of an interval: a sample that comes later than this after a stored one is another, though a stamp be early."""
_TELLING = 8
_FOLLOWS = 1.6  # intervals from the last sample of a run to the first of the next: of two there is one between

Values = NDArray[np.int32 | np.float32 | np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """Evenly spaced samples of one axis and era, with the device times of the first and the last."""

    device_ns: int
    device_end_ns: int
    values: Values

    def place_of(self, device_ns: NDArray[np.int64] | int, interval_ns: float) -> NDArray[np.float64]:
        """Of the samples at those times, by this run's own spacing, also before the first and past the last."""
        spacing_ns = self.spacing_ns(interval_ns)
        return np.asarray((np.asarray(device_ns) - self.device_ns) / spacing_ns, dtype=np.float64)

    def spacing_ns(self, interval_ns: float) -> float:
        """Its own; `interval_ns` where it has one sample."""
        last = self.values.size - 1
        return (self.device_end_ns - self.device_ns) / last if last else interval_ns


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contradiction:
    """Samples from `first` on of the run offered, where others were stored: those and the others."""

    first: int
    kept: Values
    offered: Values


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """`new`: the parts of the run that were not stored, as (first, stop)."""

    new: tuple[tuple[int, int], ...]
    repeated: int
    contradictions: tuple[Contradiction, ...]

    @property
    def differing(self) -> int:
        return sum(part.kept.size for part in self.contradictions)


def judge_record(offered: Run, known: Iterable[Run], interval_ns: float) -> Judged:
    """A device's record against the stored runs of its axis and era, of which no two hold the same sample.

    A record is dated at its last sample, so it is laid upon a run there, and counts backwards.
    """
    laid = [(chain.values, _laid_upon(offered, chain)) for chain in _chains(known, interval_ns)]
    if any(_is_the_same(offered, values, places) for values, places in laid):
        return Judged(new=(), repeated=offered.values.size, contradictions=())
    return _judge(offered, laid)


class _Chain:
    """Runs that follow each other without a sample between: a record may be stored across two of them."""

    def __init__(self, runs: Sequence[Run], interval_ns: float) -> None:
        self._runs, self._interval_ns = runs, interval_ns
        self._firsts = list(accumulate((run.values.size for run in runs), initial=0))
        self.values: Values = np.concatenate([run.values for run in runs]) if len(runs) > 1 else runs[0].values

    def place_of(self, device_ns: int) -> float:
        """By the spacing of the run that it is in, or else between two."""
        number = max(bisect_right(self._runs, device_ns, key=lambda run: run.device_ns) - 1, 0)
        run, after = self._runs[number], self._runs[number + 1 : number + 2]
        if after and device_ns > run.device_end_ns:
            between = (device_ns - run.device_end_ns) / (after[0].device_ns - run.device_end_ns)
            return self._firsts[number + 1] - 1 + between
        return self._firsts[number] + float(run.place_of(device_ns, self._interval_ns))


def _chains(known: Iterable[Run], interval_ns: float) -> list[_Chain]:
    chains: list[list[Run]] = []
    for run in sorted(known, key=lambda run: run.device_ns):
        if chains and 0 < run.device_ns - chains[-1][-1].device_end_ns < _FOLLOWS * interval_ns:
            chains[-1].append(run)
        else:
            chains.append([run])
    return [_Chain(runs, interval_ns) for runs in chains]


def _laid_upon(offered: Run, chain: _Chain) -> NDArray[np.int64]:
    """Places in the chain. Stamps stray by most of an interval where a device is busy: a whole equal record tells,
    unless one value is all it has, which is equal to itself wherever it is laid.
    """
    last = offered.values.size - 1
    places = np.arange(last + 1) - last + ceil(chain.place_of(offered.device_end_ns) - STRAY)
    return next((places + moved for moved in (0, -1, 1) if _is_the_same(offered, chain.values, places + moved)), places)


def _is_the_same(offered: Run, values: Values, places: NDArray[np.int64]) -> bool:
    if places[0] < 0 or places[-1] >= values.size:
        return False
    if offered.values.size < _TELLING or bool((offered.values == offered.values[0]).all()):
        return False
    return bool((values[places] == offered.values).all())


def judge_by_time(offered: Run, known: Iterable[Run], interval_ns: float) -> Judged:
    """Samples that only their time identifies: the nearest stored one within half its interval is the same."""
    times = np.rint(np.linspace(offered.device_ns, offered.device_end_ns, offered.values.size)).astype(np.int64)
    places = ((run.values, np.rint(run.place_of(times, interval_ns)).astype(np.int64)) for run in known)
    return _judge(offered, places)


def _judge(offered: Run, known: Iterable[tuple[Values, NDArray[np.int64]]]) -> Judged:
    """`known`: stored samples, and the place among them of each one offered."""
    is_new = np.ones(offered.values.size, dtype=np.bool_)
    repeated = 0
    contradictions: list[Contradiction] = []
    for values, places in known:
        is_stored = is_new & (places >= 0) & (places < values.size)
        is_new &= ~is_stored
        stored = values[np.where(is_stored, places, 0)]
        is_other = is_stored & (stored != offered.values)
        repeated += int(is_stored.sum() - is_other.sum())
        contradictions += [
            Contradiction(first=first, kept=stored[first:stop], offered=offered.values[first:stop])
            for first, stop in spans(is_other)
        ]
    return Judged(new=tuple(spans(is_new)), repeated=repeated, contradictions=tuple(contradictions))


def spans(is_true: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where it is true in a row: (first, stop)."""
    edges = np.flatnonzero(np.diff(is_true, prepend=False, append=False)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
