"""Configuration of a sensor: what its owner sets, as opposed to what is known of it (epoch.py). Pure."""

import enum
from dataclasses import dataclass

FIRST_REVISION = 1
"""Of a sensor that nobody has configured; each change adds one."""


class Sensitivity(enum.StrEnum):
    """How small a motion counts as detected."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Of a detector that compares a short-term with a long-term average: on above one ratio, off below another."""

    short_seconds: float = 1.0
    long_seconds: float = 10.0
    on_ratio: float = 3.0
    off_ratio: float = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedLocation:
    """Where the owner says that it stands. Degrees and metres, WGS 84."""

    latitude: float
    longitude: float
    elevation: float | None = None
    site_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """None: not set, the device's or the detector's own choice. Not `enabled`: nothing is to be detected with it.

    `location`: it holds from the moment on at which it was set; None: the owner says nothing of it.
    """

    enabled: bool = True
    display_name: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    sample_rate_hz: float | None = None
    sensitivity: Sensitivity | None = None
    trigger: Trigger | None = None
    location: StatedLocation | None = None
