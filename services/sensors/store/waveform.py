"""Waveforms: evenly sampled segments as they are read and shown, and the arithmetic between them. Pure.

Times are integer nanoseconds since 1970, UTC. Nothing interpolates: samples keep their values, and gaps stay gaps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.sensors.store.even_times import NS, index_at, time_ns
from services.sensors.store.piece import SAMPLE_TYPES, Samples


class Extent(NamedTuple):
    """Times of the first and the last of evenly spaced samples."""

    start_ns: int
    end_ns: int
    sample_rate_hz: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segment:
    """Samples of one channel (a SEED code such as BHZ) without a gap: one or more, exact int32 or floats."""

    channel: str
    location_code: str
    start_ns: int
    sample_rate_hz: float
    samples: Samples

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.size == 0:
            raise ValueError(f"samples must be a non-empty vector, not of shape {self.samples.shape}")
        if self.samples.dtype not in SAMPLE_TYPES.values():
            raise ValueError(f"samples are {self.samples.dtype}, not int32, float32 or float64")
        if not (isfinite(self.sample_rate_hz) and self.sample_rate_hz > 0):
            raise ValueError(f"a sample rate of {self.sample_rate_hz} Hz")

    @property
    def end_ns(self) -> int:
        """Of the last sample, not of the instant after it."""
        return self.time_ns(self.samples.size - 1)

    @property
    def extent(self) -> Extent:
        return Extent(self.start_ns, self.end_ns, self.sample_rate_hz)

    def time_ns(self, index: int) -> int:
        return time_ns(self.start_ns, self.sample_rate_hz, index)

    def index_at(self, at_ns: int) -> int:
        """Of the first sample at or after that time; the number of samples when all are before it."""
        return index_at(self.start_ns, self.sample_rate_hz, self.samples.size, at_ns)

    def part(self, first: int, stop: int) -> "Segment":
        """Samples first … stop - 1; at least one must be there."""
        return replace(self, start_ns=self.time_ns(first), samples=self.samples[first:stop])

    def where(self, is_kept: NDArray[np.bool_]) -> "list[Segment]":
        """The parts whose samples are kept (one truth a sample), in order of time."""
        edges = np.flatnonzero(np.diff(is_kept, prepend=False, append=False)).tolist()
        return [self.part(first, stop) for first, stop in zip(edges[::2], edges[1::2], strict=True)]

    def slice(self, start_ns: int, end_ns: int) -> "Segment | None":
        """The samples at start_ns <= time < end_ns; None when there are none."""
        first, stop = self.index_at(start_ns), self.index_at(end_ns)
        return self.part(first, stop) if first < stop else None


def uncovered(segment: Segment, covered: Iterable[tuple[int, int, float]]) -> list[Segment]:
    """The parts of a segment that the extents (of its channel, in any order) leave open, in order of time.

    Each stored sample speaks for half its interval on either side, so what merely continues an extent is kept
    whole, and the same samples under a slightly different clock count as stored.
    """
    is_new = np.ones(segment.samples.size, dtype=np.bool_)
    for start_ns, end_ns, sample_rate_hz in covered:
        half_ns = ceil(NS / sample_rate_hz / 2)
        is_new[segment.index_at(start_ns - half_ns) : segment.index_at(end_ns + half_ns + 1)] = False
    return segment.where(is_new)


def join(segments: Iterable[Segment]) -> list[Segment]:
    """Segments that continue each other become one, the rest stay apart; the answer is by channel and time.

    One continues another when channel, rate and sample type are the same and it begins within half an interval
    of when the other one is over, so that a clock's drift tears nothing: samples of a joined segment are where its
    start and its rate say, to within the drift that adds up over it.
    """
    runs: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda one: (one.channel, one.location_code, one.start_ns)):
        if runs and _continues(runs[-1], segment):
            runs[-1].append(segment)
        else:
            runs.append([segment])
    return [replace(run[0], samples=np.concatenate([one.samples for one in run])) for run in runs]


def thin(segment: Segment, points_max: int) -> Segment:
    """An envelope of at most `points_max` points (2 or more) for display; a shorter segment as it is.

    The segment is cut into equal buckets, and each gives its lowest and highest sample in the order they
    occurred. Extremes are exact; the stated rate is two points a bucket, and a point's time is true to within
    one bucket. It is no signal to compute with.
    """
    if points_max < 2:
        raise ValueError(f"an envelope has at least 2 points, not {points_max}")
    count, buckets = segment.samples.size, points_max // 2
    if count <= points_max:
        return segment
    edges = [count * bucket // buckets for bucket in range(buckets + 1)]
    extremes = [first + offset for first, stop in pairwise(edges) for offset in _extremes(segment.samples[first:stop])]
    rate_hz = segment.sample_rate_hz * 2 * buckets / count
    return replace(segment, sample_rate_hz=rate_hz, samples=segment.samples[extremes])


def _continues(run: Sequence[Segment], segment: Segment) -> bool:
    last = run[-1]
    return (
        (segment.channel, segment.location_code) == (last.channel, last.location_code)
        and segment.sample_rate_hz == last.sample_rate_hz
        and segment.samples.dtype == last.samples.dtype
        and abs(segment.start_ns - last.time_ns(last.samples.size)) <= NS / last.sample_rate_hz / 2
    )


def _extremes(samples: Samples) -> list[int]:
    return sorted((int(samples.argmin()), int(samples.argmax())))
