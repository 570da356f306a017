"""The folder of sealed files, read by ObsPy's client for the SeisComP Data Structure, gives what reads give."""

import numpy as np
from obspy import UTCDateTime
from obspy.clients.filesystem.sds import SDS_FMTSTR, Client

from services.sensors.store.miniseed.codec import stated_rate
from shared.runtime.clock import ManualClock
from tests.examples import ORGANISATION_ID
from tests.integration.sensors.store.stored_samples import (
    HOUR_NS,
    SENSOR_ID,
    START_NS,
    StoredSamples,
    counting,
    records,
    stretch,
)


class Sds(Client):
    FMTSTR = SDS_FMTSTR + ".*"


def test_obspys_client_reads_the_same_traces(stored: StoredSamples, clock: ManualClock) -> None:
    stored.add(*stretch(0, 5000), *stretch(5010, 8000))
    stored.add(counting(0, 1000, axis="y", rate_hz=stated_rate(31.319493456)))
    clock.advance(300)
    stored.sealer().run()
    stored.add(*records(range(5000, 5005)))
    clock.advance(3600)
    stored.sealer().run()
    clock.advance(3600)
    stored.sweep.run()
    client = Sds(str(stored.archive.folder / ORGANISATION_ID))
    end_ns = START_NS + 3 * HOUR_NS
    for channel in ("BNZ", "BN1"):
        stream = client.get_waveforms("XX", "014", "", channel, UTCDateTime(ns=START_NS), UTCDateTime(ns=end_ns - 1))
        expected = stored.reader.segments(SENSOR_ID, START_NS, end_ns, channel)
        assert [trace.stats.starttime.ns for trace in stream.sort()] == [one.start_ns for one in expected]
        assert [trace.stats.sampling_rate for trace in stream] == [one.sample_rate_hz for one in expected]
        for trace, one in zip(stream, expected, strict=True):
            assert np.array_equal(trace.data, one.samples)
