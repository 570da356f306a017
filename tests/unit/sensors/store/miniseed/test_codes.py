"""Codes of a device's channels where nobody states them: the band follows from the sample rate."""

import pytest

from services.sensors.store.miniseed.codes import device_channel


@pytest.mark.parametrize(
    ("rate_hz", "code"),
    [
        (1.0, "MNZ"),
        (10.0, "BNZ"),
        (31.25, "BNZ"),
        (79.0, "BNZ"),
        (79.995, "HNZ"),
        (80.0, "HNZ"),
        (200.0, "HNZ"),
        (250.0, "CNZ"),
        (1000.0, "FNZ"),
    ],
)
def test_the_band_is_seed_s_and_a_clock_s_drift_below_its_edge_changes_nothing(rate_hz: float, code: str) -> None:
    assert device_channel(rate_hz, "Z") == code
