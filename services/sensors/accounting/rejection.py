"""Rejection: why samples were rejected, in a few words that metrics count by, and when they are of.

Texts for people say more.
"""

from dataclasses import dataclass
from enum import Enum


class Rejection(Enum):
    UNREADABLE = "unreadable"  # no JSON, cut short, or too long
    MALFORMED = "malformed"  # a part of it is missing, or is not what it should be
    CLOCK_NEVER_SET = "clock-never-set"
    CLOCK_AHEAD = "clock-ahead"
    VALUE_TOO_GREAT = "value-too-great"
    CORRUPT_RECORD = "corrupt-record"  # of a waveform file
    UNKNOWN_NETWORK = "unknown-network"  # or one that is archived
    UNKNOWN_DEVICE = "unknown-device"  # and its network takes no new ones
    OTHER_NETWORK = "other-network"  # the device belongs to another one
    STATION_TAKEN = "station-taken"
    SENSOR_DELETED = "sensor-deleted"  # meanwhile
    STORE_DAMAGED = "store-damaged"  # what was stored of that time cannot be read to compare
    NOT_STORED = "not-stored"  # storing it failed, and others are stored: the log says how


ALL_AXES = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedTime:
    """When rejected samples are of, as far as that is known: nanoseconds since 1970, both ends included."""

    start_ns: int
    end_ns: int
    axis: str = ALL_AXES
