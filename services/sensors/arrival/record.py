"""Record: what one message of a device brings, as readers give it: three axes of samples under two clocks."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.sensors.timing.hull import Point

AXES = ("x", "y", "z")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Record:
    """`device_ns`, `cloud_ns`: of the last sample, nanoseconds since 1970, by the device's clock and by the receiver's.

    `values`: by axis and sample, in milligal; int32, or float64 where finer. `source`: file and line, or who sent it.
    `sender`: the account on the broker, or the import.
    """

    device_ns: int
    cloud_ns: int
    rate_hz: float
    values: NDArray[np.int32 | np.float64]
    source: str
    sender: str | None = None

    @property
    def count(self) -> int:
        return int(self.values.shape[1])

    @property
    def point(self) -> Point:
        return Point(self.device_ns, self.cloud_ns - self.device_ns)

    @property
    def tells(self) -> bool:
        """Whether its samples tell it from others: a value that is all an axis has is equal to itself anywhere."""
        return bool((self.values != self.values[:, :1]).any())


def first_comings(records: Sequence[Record]) -> list[int]:
    """Of each record the place at which the same message came first: its own, unless it came again.

    A message that came again is late by chance, and goes where it went first: so it tells nothing of a clock. Of
    records with one value an axis nobody knows whether they came again.
    """
    at_time: defaultdict[int, list[int]] = defaultdict(list)
    for place, record in enumerate(records):
        at_time[record.device_ns].append(place)
    firsts = list(range(len(records)))
    for places in at_time.values():
        if len(places) > 1:
            seen: dict[tuple[float, bytes], int] = {}
            telling = (place for place in places if records[place].tells)
            for place in sorted(telling, key=lambda place: records[place].cloud_ns):
                firsts[place] = seen.setdefault((records[place].rate_hz, records[place].values.tobytes()), place)
    return firsts
