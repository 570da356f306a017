"""Record: what one message of a device brings, as readers give it: three axes of samples under two clocks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.sensors.timing.hull import Point

AXES = ("x", "y", "z")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Record:
    """`device_ns`, `cloud_ns`: of the last sample, nanoseconds since 1970, by the device's clock and by the receiver's.

    `values`: by axis and sample, in milligal; int32, or float64 where finer. `source`: file and line, or who sent it.
    `sender`: the account on the broker; None: of a file.
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
