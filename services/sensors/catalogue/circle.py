"""Circle on the globe: what is within so many kilometres of a place, as a box for an index and exactly. Pure.

Great-circle distances on a sphere (haversine formula) of the Earth's mean radius: at most 0.6 % from those on WGS 84.
"""

import math
from dataclasses import dataclass

EARTH_RADIUS_KM = 6371.0088
KM_PER_DEGREE = math.radians(EARTH_RADIUS_KM)
_SLACK_DEGREES = 1e-6  # above what rounding does, so that the box leaves nothing out


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Degrees. `west` > `east` where the antimeridian is between them; None: all longitudes."""

    south: float
    north: float
    west: float | None
    east: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    latitude: float
    longitude: float
    radius_km: float

    def holds(self, latitude: float, longitude: float) -> bool:
        return distance_km(self.latitude, self.longitude, latitude, longitude) <= self.radius_km

    def bounds(self) -> Bounds:
        """The smallest box around it: all longitudes when a pole is inside."""
        reach = self.radius_km / EARTH_RADIUS_KM
        degrees = math.degrees(reach) + _SLACK_DEGREES
        south, north = self.latitude - degrees, self.latitude + degrees
        if south <= -90 or north >= 90:
            return Bounds(south=max(south, -90.0), north=min(north, 90.0), west=None, east=None)
        wide = math.degrees(math.asin(min(1.0, math.sin(reach) / math.cos(math.radians(self.latitude)))))
        wide += _SLACK_DEGREES
        return Bounds(
            south=south, north=north, west=_wrapped(self.longitude - wide), east=_wrapped(self.longitude + wide)
        )


def distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    one, other = math.radians(latitude), math.radians(other_latitude)
    half_high, half_wide = (other - one) / 2, math.radians(other_longitude - longitude) / 2
    chord = math.sin(half_high) ** 2 + math.cos(one) * math.cos(other) * math.sin(half_wide) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, chord)))


def _wrapped(longitude: float) -> float:
    """From -180 to 180."""
    if longitude < -180:
        return longitude + 360
    return longitude - 360 if longitude > 180 else longitude
