"""Epochs: what is known of a sensor, or of one of its axes, from one moment to another. Pure.

A later statement replaces an earlier one for the time that it is about, fact by fact; what it does not name stays.
Times are nanoseconds since 1970; an epoch begins at `from_ns` and ends before `to_ns`.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from itertools import pairwise

EVER_NS, FOREVER_NS = -(2**62), 2**62
"""Before all that was ever recorded, and after all that will be."""

OF_SENSOR = ""
"""The axis of facts that are the whole sensor's, such as its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Degrees and metres, WGS 84."""

    latitude: float
    longitude: float
    elevation_m: float | None = None
    site_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Orientation:
    """Degrees, as SEED has them: clockwise from north, and downwards from the horizontal; up is a dip of -90."""

    azimuth: float | None
    dip: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A sample divided by `sensitivity` is in `input_unit`, at `frequency_hz`."""

    sensitivity: float
    frequency_hz: float
    input_unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """None: not stated. Place, serial number, firmware version and device type are the sensor's, the others an axis's.

    `device_type`: as the product calls its devices. `component`: the last letter of a channel code whose others follow
    from the sample rate.
    """

    place: Place | None = None
    serial_number: str | None = None
    firmware_version: str | None = None
    location_code: str | None = None
    channel_code: str | None = None
    component: str | None = None
    orientation: Orientation | None = None
    sample_rate_hz: float | None = None
    response: Response | None = None
    device_type: str | None = None

    @property
    def are_codes(self) -> bool:
        """Whether they say how channels are called."""
        return (self.location_code, self.channel_code, self.component) != (None, None, None)

    def over(self, before: "Facts") -> "Facts":
        """These, and what was known `before` where these say nothing."""
        stated = {one.name: getattr(self, one.name) for one in fields(self)}
        return replace(before, **{name: value for name, value in stated.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    from_ns: int
    to_ns: int
    facts: Facts


Epochs = tuple[Epoch, ...]
"""In order of time; none overlaps another."""


def overlaid(epochs: Epochs, new: Epoch) -> Epochs:
    """The epochs after a statement."""
    edges = {new.from_ns, new.to_ns} | {edge for epoch in epochs for edge in (epoch.from_ns, epoch.to_ns)}
    ordered = sorted(edges)
    found: list[Epoch] = []
    for from_ns, to_ns in pairwise(ordered):
        facts = facts_at(epochs, from_ns)
        if new.from_ns <= from_ns < new.to_ns:
            facts = new.facts.over(facts)
        if found and found[-1].facts == facts and found[-1].to_ns == from_ns:
            found[-1] = replace(found[-1], to_ns=to_ns)
        elif facts != Facts():
            found.append(Epoch(from_ns=from_ns, to_ns=to_ns, facts=facts))
    return tuple(found)


def facts_at(epochs: Epochs, at_ns: int) -> Facts:
    place = bisect_right(epochs, at_ns, key=lambda epoch: epoch.from_ns) - 1
    if place < 0 or epochs[place].to_ns <= at_ns:
        return Facts()
    return epochs[place].facts


def latest(epochs: Epochs) -> Facts:
    """As of its last epoch, also if that is over: where it was last is where it is looked for."""
    return epochs[-1].facts if epochs else Facts()


def edges_within(epochs: Iterable[Epoch], from_ns: int, to_ns: int) -> list[int]:
    """Moments between the two at which an epoch begins or ends."""
    found = {edge for epoch in epochs for edge in (epoch.from_ns, epoch.to_ns)}
    return sorted(edge for edge in found if from_ns < edge < to_ns)
