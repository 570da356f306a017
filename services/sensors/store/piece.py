"""Piece: evenly spaced samples of one axis without a gap, as they arrive: what the store takes and gives back.

A sample is known by its sensor, axis, era and device time, and by its place in the piece; its true time is an
estimate, which may move later. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.sensors.store.even_times import NS, index_at, time_ns

Samples = NDArray[np.int32 | np.float32 | np.float64]

BY_TIME = 0
"""The era of samples that no device clock dates, as miniSEED's: their device time is their true time."""

PIECE_SAMPLES_MAX = 16_384
PIECE_SECONDS_MAX = 3600
SAMPLE_TYPES: dict[str, np.dtype[Any]] = {"i": np.dtype("<i4"), "f": np.dtype("<f4"), "d": np.dtype("<f8")}
"""What can be stored exactly: 32-bit integers, and floats of 32 and 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """`axis`: what a sensor's samples are indexed by. `era`: of the device's clock, BY_TIME or from 1.

    `device_ns`, `device_end_ns`: of the first and the last sample, by the device's clock; `start_ns`: of the first,
    by ours. All are nanoseconds since 1970.
    """

    axis: str
    era: int
    device_ns: int
    device_end_ns: int
    start_ns: int
    rate_hz: float
    samples: Samples

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.size == 0:
            raise ValueError(f"samples must be a non-empty vector, not of shape {self.samples.shape}")
        if self.samples.dtype not in SAMPLE_TYPES.values():
            raise ValueError(f"samples are {self.samples.dtype}, not int32, float32 or float64")
        if not (isfinite(self.rate_hz) and self.rate_hz > 0):
            raise ValueError(f"a sample rate of {self.rate_hz} Hz")
        if self.device_end_ns < self.device_ns:
            raise ValueError("the last sample is before the first one")

    @property
    def count(self) -> int:
        return int(self.samples.size)

    @property
    def end_ns(self) -> int:
        """Of the last sample, not of the instant after it."""
        return self.time_ns(self.count - 1)

    @property
    def next_ns(self) -> int:
        """When the sample after the last one is due."""
        return self.time_ns(self.count)

    def time_ns(self, index: int) -> int:
        return time_ns(self.start_ns, self.rate_hz, index)

    def device_time_ns(self, index: int) -> int:
        if self.count == 1:
            return self.device_ns + round(index * NS / self.rate_hz)
        return self.device_ns + (self.device_end_ns - self.device_ns) * index // (self.count - 1)

    def index_at(self, at_ns: int) -> int:
        return index_at(self.start_ns, self.rate_hz, self.count, at_ns)

    def part(self, first: int, stop: int) -> "Piece":
        """Samples first … stop - 1; at least one must be there."""
        return replace(
            self,
            device_ns=self.device_time_ns(first),
            device_end_ns=self.device_time_ns(stop - 1),
            start_ns=self.time_ns(first),
            samples=self.samples[first:stop],
        )

    def cut(self, edges: Iterable[int]) -> "list[Piece]":
        """The same samples as pieces, a new one from each of the moments (in order) on."""
        stops = [*(self.index_at(edge) for edge in edges), self.count]
        return [self.part(first, stop) for first, stop in pairwise([0, *stops]) if first < stop]

    def cut_by_device(self, edges: Iterable[int]) -> "list[Piece]":
        """As `cut`, by the device's clock."""
        whole_ns, last = self.device_end_ns - self.device_ns, max(self.count - 1, 1)
        # The first sample that is not before an edge.
        firsts = (-((self.device_ns - edge) * last // max(whole_ns, 1)) for edge in edges)
        stops = [*(min(max(first, 0), self.count) for first in firsts), self.count]
        return [self.part(first, stop) for first, stop in pairwise([0, *stops]) if first < stop]

    def within_limits(self) -> "list[Piece]":
        """The same samples as pieces of at most PIECE_SAMPLES_MAX and PIECE_SECONDS_MAX."""
        step = max(1, min(PIECE_SAMPLES_MAX, int(PIECE_SECONDS_MAX * self.rate_hz)))
        if self.count <= step:
            return [self]
        return [self.part(first, min(first + step, self.count)) for first in range(0, self.count, step)]


def by_time(axis: str, start_ns: int, rate_hz: float, samples: Samples) -> Piece:
    """A piece whose true time is all that is known of its time."""
    end_ns = time_ns(start_ns, rate_hz, samples.size - 1)
    return Piece(
        axis=axis,
        era=BY_TIME,
        device_ns=start_ns,
        device_end_ns=end_ns,
        start_ns=start_ns,
        rate_hz=rate_hz,
        samples=samples,
    )
