"""Timing of an era, as the store asks for it: the line from device time to true time, and the sample rate.

Who estimates it (the hulls of delays) is elsewhere; the store calls it when it seals and when it re-times.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

Nanoseconds = NDArray[np.int64]


class EraTiming(Protocol):
    """Pure: the same device times always give the same true times."""

    @property
    def rate_hz(self) -> float:
        """As `stated_rate` makes it."""
        ...

    def true_ns(self, device_ns: Nanoseconds) -> Nanoseconds: ...


class Eras(Protocol):
    def timing(self, tx: Connection, sensor_id: str, era: int) -> EraTiming | None:
        """None: the times of that era stay as they were stored."""
        ...

    def settle(self, tx: Connection, sensor_id: str, era: int, from_device_ns: int) -> None:
        """Makes the rate that of all that is stored, before what is from that device time on is sealed.

        The sensor is locked.
        """
        ...


class FixedEras:
    """No era is ever timed anew: of recordings that no device clock dates."""

    def timing(self, tx: Connection, sensor_id: str, era: int) -> EraTiming | None:
        return None

    def settle(self, tx: Connection, sensor_id: str, era: int, from_device_ns: int) -> None:
        pass


def starts_ns(timing: EraTiming, device_ns: Sequence[Nanoseconds]) -> list[Nanoseconds]:
    """True times of several vectors of device times, asked for at once."""
    if not device_ns:
        return []
    edges = np.cumsum([one.size for one in device_ns])[:-1]
    return np.split(timing.true_ns(np.concatenate(device_ns)), edges)
