"""Waveforms: evenly sampled segments, the miniSEED blocks that store them, and the arithmetic between them.

Times are integer nanoseconds since 1970, UTC. Nothing interpolates: samples keep their values, and gaps stay gaps.
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import pairwise
from math import ceil, isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int32 | np.float32 | np.float64]

SAMPLES_MAX = 16_384  # of one block: five minutes at 50 Hz, about 30 kB, decoded in about a millisecond

_NS = 1_000_000_000
_RECORD_BYTES = 512  # the length real-time networks use: a block of one second wastes little
_STEIM2_DIFFERENCE_MAX = 2**29 - 1  # libmseed refuses even -2**29, which 30 bits could hold
_FLOAT_ENCODINGS = {"float32": "FLOAT32", "float64": "FLOAT64"}


class BlockIsCorrupt(Exception):
    """The stored bytes do not decode to what their row states."""

    def __init__(self, block: "Block", reason: str) -> None:
        super().__init__(f"block {block.channel} at {block.start_ns} ns: {reason}")
        self.block = block
        self.reason = reason


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
        if self.samples.dtype not in ("int32", *_FLOAT_ENCODINGS):  # which are the machine's own byte order
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
        return self.start_ns + round(index * _NS / self.sample_rate_hz)

    def index_at(self, time_ns: int) -> int:
        """Of the first sample at or after that time; the number of samples when all are before it."""
        index = ceil((time_ns - self.start_ns) * self.sample_rate_hz / _NS)
        index = min(max(index, 0), self.samples.size)
        # It may be off by one, for sample times are rounded to whole nanoseconds.
        while index > 0 and self.time_ns(index - 1) >= time_ns:
            index -= 1
        while index < self.samples.size and self.time_ns(index) < time_ns:
            index += 1
        return index

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One storable row. Its time and rate are exact; the header in its bytes has microseconds and float32."""

    channel: str
    location_code: str
    start_ns: int
    end_ns: int
    sample_rate_hz: float
    sample_count: int
    miniseed: bytes

    @property
    def extent(self) -> Extent:
        return Extent(self.start_ns, self.end_ns, self.sample_rate_hz)


def blocks(segment: Segment, network: str, station: str, *, samples_max: int = SAMPLES_MAX) -> Iterator[Block]:
    """The segment as miniSEED 2 (SEED manual, chapter 8), in order of time; `read` gives the same samples.

    Integers are Steim2, or plain INT32 in a block whose differences Steim2 cannot hold. Raises ValueError when
    a code is longer than its field: libmseed would truncate it silently.
    """
    codes = (network, station, segment.location_code, segment.channel)
    if any(len(code) > width for code, width in zip(codes, (2, 5, 2, 3), strict=True)):
        raise ValueError(f"{'.'.join(codes)} does not fit a miniSEED header")
    for first in range(0, segment.samples.size, samples_max):
        part = segment.part(first, first + samples_max)
        yield Block(
            channel=part.channel,
            location_code=part.location_code,
            start_ns=part.start_ns,
            end_ns=part.end_ns,
            sample_rate_hz=part.sample_rate_hz,
            sample_count=part.samples.size,
            miniseed=_encoded(part, network, station),
        )


def read(block: Block) -> Segment:
    """What was stored: time and rate from the row, samples from the bytes.

    Raises BlockIsCorrupt for what the format's own checks can tell; they miss a few damages in a hundred.
    """
    import obspy
    from obspy.io.mseed import InternalMSEEDWarning

    try:
        with warnings.catch_warnings():  # a failed Steim2 check is only a warning to libmseed
            warnings.simplefilter("error", InternalMSEEDWarning)
            stream = obspy.read(BytesIO(block.miniseed), format="MSEED", check_compression=False)
        samples = np.concatenate([trace.data for trace in stream])
    except Exception as error:  # ObsPy raises bare Exceptions for what it cannot read
        raise BlockIsCorrupt(block, str(error)) from error
    if samples.size != block.sample_count:
        raise BlockIsCorrupt(block, f"{samples.size} samples where {block.sample_count} were stored")
    return Segment(
        channel=block.channel,
        location_code=block.location_code,
        start_ns=block.start_ns,
        sample_rate_hz=block.sample_rate_hz,
        samples=samples,
    )


def uncovered(segment: Segment, covered: Iterable[tuple[int, int, float]]) -> list[Segment]:
    """The parts of a segment that the extents (of its channel, in any order) leave open, in order of time.

    Each stored sample speaks for half its interval on either side, so what merely continues an extent is kept
    whole, and the same samples under a slightly different clock count as stored.
    """
    is_new = np.ones(segment.samples.size, dtype=np.bool_)
    for start_ns, end_ns, sample_rate_hz in covered:
        half_ns = ceil(_NS / sample_rate_hz / 2)
        is_new[segment.index_at(start_ns - half_ns) : segment.index_at(end_ns + half_ns + 1)] = False
    return segment.where(is_new)


def join(segments: Iterable[Segment]) -> list[Segment]:
    """Segments that continue each other become one, the rest stay apart; the answer is by channel and time.

    One continues another when channel, rate and sample type are the same and it begins within half an interval
    of when the joined one says: no sample's time moves by more than that.
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


def _encoded(segment: Segment, network: str, station: str) -> bytes:
    # Imported here: ObsPy takes longer to import than the rest of the system takes to start.
    from obspy import Stream, Trace, UTCDateTime

    header = {
        "network": network,
        "station": station,
        "location": segment.location_code,
        "channel": segment.channel,
        "starttime": UTCDateTime(ns=segment.start_ns),
        "sampling_rate": segment.sample_rate_hz,
    }
    trace = Trace(np.ascontiguousarray(segment.samples), header)
    content = BytesIO()
    Stream([trace]).write(content, format="MSEED", encoding=_encoding(segment.samples), reclen=_RECORD_BYTES)
    return content.getvalue()


def _encoding(samples: Samples) -> str:
    if samples.dtype != np.int32:
        return _FLOAT_ENCODINGS[samples.dtype.name]
    differences = np.abs(np.diff(samples.astype(np.int64)))
    return "STEIM2" if differences.max(initial=0) <= _STEIM2_DIFFERENCE_MAX else "INT32"


def _continues(run: Sequence[Segment], segment: Segment) -> bool:
    first = run[0]
    expected_ns = first.time_ns(sum(one.samples.size for one in run))
    return (
        (segment.channel, segment.location_code) == (first.channel, first.location_code)
        and segment.sample_rate_hz == first.sample_rate_hz
        and segment.samples.dtype == first.samples.dtype
        and abs(segment.start_ns - expected_ns) <= _NS / first.sample_rate_hz / 2
    )


def _extremes(samples: Samples) -> list[int]:
    return sorted((int(samples.argmin()), int(samples.argmax())))
