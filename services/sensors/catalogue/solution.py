"""Solution: what a catalogue says of one seismic event, in the form in which it is kept and compared. Pure.

Times are UTC; degrees WGS 84; kilometres; seconds of residuals; None: not said.
"""

import enum
from dataclasses import dataclass
from datetime import datetime


class Status(enum.StrEnum):
    """Whether a person has looked at it."""

    AUTOMATIC = "automatic"
    REVIEWED = "reviewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class StationArrivals:
    """When its waves came to one station, as they were picked there."""

    station_code: str
    network_code: str = ""
    distance_km: float | None = None
    p_arrival: datetime | None = None
    s_arrival: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """`event_type`: QuakeML's word, such as `earthquake` or `quarry blast`. `stations`: the nearest first."""

    origin_time: datetime
    latitude: float
    longitude: float
    depth_km: float | None = None
    magnitude: float | None = None
    magnitude_type: str | None = None
    location_description: str | None = None
    status: Status | None = None
    event_type: str | None = None
    depth_uncertainty_km: float | None = None
    horizontal_uncertainty_km: float | None = None
    magnitude_uncertainty: float | None = None
    stations_used: int | None = None
    azimuthal_gap: float | None = None
    rms_residual: float | None = None
    stations: tuple[StationArrivals, ...] = ()
