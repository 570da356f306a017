"""The box around a circle leaves nothing out: at the poles, across the antimeridian, however large it is."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.sensors.catalogue.circle import EARTH_RADIUS_KM, Circle, distance_km

LATITUDES, LONGITUDES = st.floats(-90, 90), st.floats(-180, 180)


@given(LATITUDES, LONGITUDES, st.floats(0.001, 20_038), LATITUDES, LONGITUDES)
@example(0.0, 179.95, 20.0, 0.0, -179.95)
@example(89.9, 0.0, 50.0, 89.9, 180.0)
@example(-90.0, 0.0, 1.0, -90.0, 77.0)
@example(10.0, -180.0, 1.0, 10.0, 180.0)
def test_what_is_in_the_circle_is_in_its_box(
    latitude: float, longitude: float, radius_km: float, at_latitude: float, at_longitude: float
) -> None:
    circle = Circle(latitude=latitude, longitude=longitude, radius_km=radius_km)
    bounds = circle.bounds()
    if circle.holds(at_latitude, at_longitude):
        assert bounds.south <= at_latitude <= bounds.north
        if bounds.west is not None and bounds.east is not None:
            between = bounds.west <= at_longitude, at_longitude <= bounds.east
            assert all(between) if bounds.west <= bounds.east else any(between)


def test_a_small_circle_has_a_small_box() -> None:
    bounds = Circle(latitude=60.0, longitude=10.0, radius_km=111.2).bounds()
    assert (bounds.south, bounds.north) == pytest.approx((59, 61), abs=0.01)
    assert (bounds.west, bounds.east) == pytest.approx((8, 12), abs=0.05)


@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
def test_distances_are_those_of_vectors_on_the_sphere(
    latitude: float, longitude: float, other_latitude: float, other_longitude: float
) -> None:
    one, other = _vector(latitude, longitude), _vector(other_latitude, other_longitude)
    expected = 2 * math.asin(min(1.0, math.dist(one, other) / 2)) * EARTH_RADIUS_KM
    assert distance_km(latitude, longitude, other_latitude, other_longitude) == pytest.approx(expected, abs=0.1)


def _vector(latitude: float, longitude: float) -> tuple[float, float, float]:
    up, around = math.radians(latitude), math.radians(longitude)
    return math.cos(up) * math.cos(around), math.cos(up) * math.sin(around), math.sin(up)
