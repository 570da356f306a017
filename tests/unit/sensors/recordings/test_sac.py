"""SAC files as ObsPy reads them."""

import io

import numpy as np
import obspy
import pytest

from services.sensors.recordings.sac import Station, as_sac
from services.sensors.registry.sensor import Location
from services.sensors.store.waveform import Segment

WHERE = Location(latitude=16.5, longitude=-98.25, elevation_m=12.5)


@pytest.mark.parametrize("channel", ["BNZ", "BN1", "HHN"])
def test_obspy_reads_samples_times_codes_and_place(channel: str) -> None:
    segment = Segment(
        channel=channel,
        location_code="00",
        start_ns=1_579_834_800_123_456_000,
        sample_rate_hz=31.25,
        samples=np.arange(-500, 500, dtype=np.int32),
    )
    content = as_sac(Station(network="XX", station="014", location=WHERE), segment)
    (trace,) = obspy.read(io.BytesIO(content), format="SAC")
    assert trace.id == f"XX.014.00.{channel}"
    assert trace.data.tolist() == list(range(-500, 500))
    assert abs(trace.stats.starttime.ns - segment.start_ns) <= 1000
    assert abs(trace.stats.sampling_rate - 31.25) < 1e-5
    assert (trace.stats.sac.stla, trace.stats.sac.stlo, trace.stats.sac.stel) == (16.5, -98.25, 12.5)
    assert (trace.stats.sac.depmin, trace.stats.sac.depmax) == (-500, 499)


def test_what_is_not_known_is_left_undefined() -> None:
    segment = Segment(
        channel="BN1", location_code="", start_ns=0, sample_rate_hz=1.0, samples=np.array([1.5], np.float64)
    )
    (trace,) = obspy.read(io.BytesIO(as_sac(Station(network="", station="A", location=None), segment)), format="SAC")
    assert (trace.id, trace.data.tolist()) == ("XX.A..BN1".replace("XX", trace.stats.network), [1.5])
    assert "stla" not in trace.stats.sac
    assert "cmpaz" not in trace.stats.sac
