"""A device whose truth is known: what it sampled when, and the messages that came of it under two clocks.

Its crystal is off and wanders, its clock is set, its network is late, goes away and gives the backlog in one burst;
messages come twice and in another order. All of it is drawn from one seed.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import cos, pi

import numpy as np

from services.sensors.arrival.record import AXES, Record

NS = 1_000_000_000
BEGIN_NS = 1_700_000_000 * NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Seconds, but for `ppm` and `wander_ppm`. `outages`: from, to; `settings`: when, by how much; `drift`: from when
    on the crystal is off by how many millionths more. `samples`: of a message, on each axis.
    """

    seed: int
    hours: float = 1.0
    device_hz: float = 31.3155
    samples: int = 32
    ppm: float = 40.0
    wander_ppm: float = 1.0
    least_delay: float = 0.35
    jitter: float = 0.3
    outages: Sequence[tuple[float, float]] = ()
    settings: Sequence[tuple[float, float]] = ()
    drift: tuple[float, float] = (0.0, 0.0)
    repeated: float = 0.0
    missing: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message, and in truth: when its last sample was taken, and which setting of the clock it is of."""

    record: Record
    true_ns: int
    setting: int


@dataclass(slots=True)
class Simulation:
    device: Device
    sent: list[Sent] = field(default_factory=list)

    @property
    def distinct(self) -> dict[tuple[int, int], Sent]:
        """By setting and device time."""
        return {(one.setting, one.record.device_ns): one for one in reversed(self.sent)}


def simulate(device: Device) -> Simulation:
    """Messages in the order of their coming."""
    draw = random.Random(device.seed)
    arrivals: list[tuple[float, int, Sent]] = []
    settings = sorted(device.settings)
    bursts = [
        (begin, end, end + device.least_delay + draw.expovariate(1 / device.jitter)) for begin, end in device.outages
    ]
    index = 0
    while (even := index * device.samples / device.device_hz) < device.hours * 3600:
        index += 1
        true = _true_seconds(device, even)
        setting = sum(at <= true for at, _ in settings)
        clock = even + sum(by for _, by in settings[:setting])
        if draw.random() < device.missing:
            continue
        burst = next((came for begin, end, came in bursts if begin <= true < end), None)
        came = true + device.least_delay + draw.expovariate(1 / device.jitter) if burst is None else burst
        for _ in range(2 if draw.random() < device.repeated else 1):
            record = Record(
                device_ns=BEGIN_NS + round(clock * 1000) * 1_000_000,
                cloud_ns=BEGIN_NS + round(came * 1000) * 1_000_000,
                rate_hz=31.25,
                values=_values(index, device.samples),
                source=f"message {index}",
            )
            arrivals.append((came, index, Sent(record=record, true_ns=BEGIN_NS + round(true * NS), setting=setting)))
            came += 0.5 + draw.expovariate(1 / 5)
    return Simulation(device, [sent for _, _, sent in sorted(arrivals, key=lambda one: one[:2])])


def outages(draw: random.Random, hours: float, count: int) -> list[tuple[float, float]]:
    """Apart from each other, of a second to half an hour."""
    edges = sorted(draw.uniform(0, hours * 3600) for _ in range(count))
    found = [(begin, begin + 10 ** draw.uniform(0, 3.25)) for begin in edges]
    return [(begin, end) for (begin, end), (after, _) in pairwise([*found, (1e9, 1e9)]) if end + 120 < after]


def _true_seconds(device: Device, even: float) -> float:
    """Of the device's even count of seconds: its crystal's error, with a wander of two hours."""
    wander = device.wander_ppm * 1e-6 * 7200 / (2 * pi) * (1 - cos(2 * pi * even / 7200 + device.seed))
    since, ppm = device.drift
    return even * (1 + device.ppm * 1e-6) + max(even - since, 0.0) * ppm * 1e-6 + wander


def _values(index: int, samples: int) -> "np.ndarray[tuple[int, int], np.dtype[np.int32]]":
    numbers = np.arange(index * samples, (index + 1) * samples, dtype=np.int32)
    return np.stack([numbers * (axis + 1) for axis in range(len(AXES))])
