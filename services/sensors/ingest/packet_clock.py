"""Sample times of telemetry packets, estimated from two imperfect clocks: the device's and the cloud's.

A device stamps packets evenly, but its clock may be wrong by half an hour, or be slewed meanwhile; the cloud's is
right, but stamps late by the network's delay. The first gives order, gaps and spacing; the second gives the time and,
over minutes, the drift of the first. The order and repetition of the packets given do not matter.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

JOIN_SECONDS = 0.25
"""A packet follows the one before when it is early or late by no more than this."""

_PACKETS_FOR_FIT = 16  # fewer borrow the rate and the delay of the packets around them
_PACKETS_FOR_DRIFT = 128  # from here on the cloud's jitter averages to less than a device clock drifts
_DRIFT_MAX = 1e-3  # twice what NTP slews a clock by; beyond, packets were late, not the clock wrong
_CLOCK_STEP_SECONDS = 60.0  # more than a delivery is late: the device's clock was set

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Packet:
    """Samples as (channel, index). The times are of the last one, in Unix seconds; at least one is known."""

    device_t: float | None
    cloud_t: float | None
    sample_rate_hz: float
    samples: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stretch:
    """Packets that follow each other, as one: no packet is missing between them."""

    start_ns: int
    sample_rate_hz: float
    samples: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Packets in order with both their times; `device_t` repeats `cloud_t` where the device stated none."""

    packets: Sequence[Packet]
    device_t: Floats
    cloud_t: Floats
    device_is_known: bool

    def __len__(self) -> int:
        return len(self.packets)

    def select(self, order: NDArray[np.intp] | slice) -> "_Run":
        packets = [self.packets[i] for i in np.arange(len(self))[order]]
        return _Run(packets, self.device_t[order], self.cloud_t[order], self.device_is_known)

    def cut(self, begins: NDArray[np.bool_]) -> "Iterator[_Run]":
        """Where `begins` (one for each packet but the first) says that another run begins."""
        edges = [0, *(np.flatnonzero(begins) + 1).tolist(), len(self)]
        return (self.select(slice(first, stop)) for first, stop in pairwise(edges))

    @property
    def stated_rate_hz(self) -> float:
        return self.packets[0].sample_rate_hz

    @property
    def counts(self) -> Floats:
        return np.array([packet.samples.shape[1] for packet in self.packets], dtype=np.float64)

    @property
    def delay(self) -> float:
        return float(np.median(self.cloud_t - self.device_t))


def stretches(packets: Sequence[Packet]) -> Iterator[Stretch]:
    """The packets of one device as few stretches, each with a fitted start and sample rate.

    Stretches may overlap where the clocks contradict themselves: the caller decides which samples to believe.
    """
    if not packets:
        return
    run = _in_order(packets)
    clock_was_set = np.abs(np.diff(run.cloud_t - run.device_t)) > _CLOCK_STEP_SECONDS
    for part in run.cut(clock_was_set):
        era = _distinct(part.select(np.argsort(part.device_t, kind="stable")))
        runs = list(era.cut(_breaks(era)))
        longest = {run.stated_rate_hz: run for run in sorted(runs, key=len)}
        for run in runs:
            yield _stretch(run, longest[run.stated_rate_hz], era)


def _in_order(packets: Sequence[Packet]) -> _Run:
    """By cloud time; a time that is missing is the other, shifted by what usually lies between the two."""
    device_t = np.array([np.nan if one.device_t is None else one.device_t for one in packets])
    cloud_t = np.array([np.nan if one.cloud_t is None else one.cloud_t for one in packets])
    delays = (cloud_t - device_t)[~np.isnan(cloud_t - device_t)]
    delay = np.median(delays) if delays.size else 0.0
    run = _Run(
        packets,
        np.where(np.isnan(device_t), cloud_t - delay, device_t),
        np.where(np.isnan(cloud_t), device_t + delay, cloud_t),
        not np.isnan(device_t).all(),
    )
    # The samples are in the key, so that even packets of one time have one order.
    keys = zip(run.cloud_t, run.device_t, (one.samples.tobytes() for one in packets), strict=True)
    ranked = sorted(enumerate(keys), key=lambda ranked: ranked[1])
    return run.select(np.array([index for index, _ in ranked], dtype=np.intp))


def _distinct(run: _Run) -> _Run:
    """Without packets delivered twice: the same samples at the same device time. The first delivery stays."""
    seen: set[tuple[float, bytes]] = set()
    is_first = np.zeros(len(run), dtype=np.bool_)
    for index, packet in enumerate(run.packets):
        identity = (float(run.device_t[index]), packet.samples.tobytes())
        is_first[index] = identity not in seen
        seen.add(identity)
    return run.select(np.flatnonzero(is_first))


def _breaks(run: _Run) -> NDArray[np.bool_]:
    rates = np.array([packet.sample_rate_hz for packet in run.packets])
    lengths = (run.counts / rates)[1:]
    lateness = np.diff(run.device_t) - lengths
    # Times of arrival scatter by half a second: alone, only most of a packet's length shows that one is missing.
    is_gap = np.abs(lateness) > JOIN_SECONDS if run.device_is_known else lateness > 0.75 * lengths
    is_break: NDArray[np.bool_] = is_gap | (np.diff(rates) != 0)
    return is_break


def _stretch(run: _Run, longest: _Run, era: _Run) -> Stretch:
    samples = np.concatenate([packet.samples for packet in run.packets], axis=1)
    index = np.cumsum(run.counts) - 1  # of each packet's last sample
    interval = _interval(run if len(run) >= _PACKETS_FOR_FIT else longest)
    if len(run) >= _PACKETS_FOR_DRIFT:
        start = np.median(run.cloud_t - interval * index)
    else:
        delay = run.delay if len(run) >= _PACKETS_FOR_FIT else era.delay
        start = np.median(run.device_t - interval * index) + delay
    # Whole microseconds: as precise as the stamps deserve, and what a miniSEED header can state.
    start_ns = round(float(start) * 1_000_000) * 1000
    return Stretch(start_ns=start_ns, sample_rate_hz=round(1 / interval, 6), samples=samples)


def _interval(run: _Run) -> float:
    """Seconds between samples, as measured; as stated, when packets are too few or their times absurd."""
    stated = 1 / run.stated_rate_hz
    if len(run) < (2 if run.device_is_known else _PACKETS_FOR_FIT):
        return stated
    index = np.cumsum(run.counts)
    measured = _slope(index, run.device_t)
    if len(run) >= _PACKETS_FOR_DRIFT:
        undrifted = _slope(index, run.cloud_t)
        measured = undrifted if abs(undrifted - measured) < _DRIFT_MAX * measured else measured
    return measured if 0.5 < measured / stated < 2 else stated


def _slope(x: Floats, y: Floats) -> float:
    """The median slope of pairs half the range apart (Theil's incomplete method); bears a quarter outliers."""
    half = len(x) // 2
    return float(np.median((y[-half:] - y[:half]) / (x[-half:] - x[:half])))
