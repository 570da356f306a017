"""miniSEED records: what was encoded comes back bit for bit, and other programs read the same."""

from io import BytesIO

import numpy as np
import obspy
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from services.sensors.store.even_times import time_ns
from services.sensors.store.miniseed.codec import (
    RECORD_BYTES,
    RateUnstatable,
    RecordDamaged,
    decode,
    encode,
    headers,
    stated_rate,
    to_microsecond,
)
from services.sensors.store.miniseed.codes import Codes
from services.sensors.store.piece import Samples

START_NS = 1_518_824_379_123_456_000
CODES = Codes(network="XX", station="014", location="", channel="BNZ")
STEIM2, INT32 = 11, 3  # as blockette 1000 states them, at byte 52 of a record
RATES = st.sampled_from([0.1, 1.0, 30.1886, 31.25, 31.319493, 100.0, 250.0]) | st.floats(0.01, 1000)
SAMPLES = st.sampled_from([np.int32, np.float32, np.float64]).flatmap(lambda kind: arrays(kind, st.integers(1, 300)))


@settings(max_examples=60, deadline=None)
@given(SAMPLES, RATES)
@example(np.array([-(2**31), 2**31 - 1, 0], dtype=np.int32), 31.25)
@example(np.full(20_000, 2**31 - 1, dtype=np.int32), 31.25)
@example(np.where(np.arange(5000) == 4321, 2**31 - 1, 0).astype(np.int32), 31.25)
def test_any_samples_come_back_from_their_records_bit_for_bit(samples: Samples, rate_hz: float) -> None:
    rate_hz = stated_rate(rate_hz)  # as all that is stored
    content = b"".join(encode(CODES, START_NS, rate_hz, samples))
    assert decode(content).dtype == samples.dtype
    assert decode(content).tobytes() == samples.tobytes()
    first = 0
    for header in headers(content):
        assert (header.codes, header.rate_hz) == (CODES, rate_hz)
        assert header.start_ns == to_microsecond(time_ns(START_NS, rate_hz, first))
        first += header.count
    assert first == samples.size


@pytest.mark.parametrize(
    ("difference", "encoding"),
    [(2**29 - 1, STEIM2), (1 - 2**29, STEIM2), (2**29, INT32), (-(2**29), INT32), (2**31 - 1, INT32)],
)
def test_steim2_gives_way_to_plain_integers_where_a_difference_does_not_fit(difference: int, encoding: int) -> None:
    (record,) = encode(CODES, START_NS, 31.25, np.array([0, difference, 0], dtype=np.int32))
    assert record[52] == encoding
    assert decode(record).tolist() == [0, difference, 0]


@given(RATES)
def test_a_stated_rate_states_itself_and_is_near_what_was_asked(rate_hz: float) -> None:
    stated = stated_rate(rate_hz)
    assert stated_rate(stated) == stated
    assert abs(stated - rate_hz) < 2e-4


@pytest.mark.parametrize("delta", [2e-5, 2.5e-5, 1e-5, 1e-6])
def test_a_whole_rate_that_a_file_states_by_a_short_float_is_that_rate(delta: float) -> None:
    """As SAC does: above 32,767 Hz headers state whole rates alone."""
    assert stated_rate(1 / float(np.float32(delta))) == round(1 / delta)


@pytest.mark.parametrize("rate_hz", [32768.5, 48000.3, 1e-9, 5e-324])
def test_a_rate_that_no_header_states_is_refused(rate_hz: float) -> None:
    with pytest.raises(RateUnstatable):
        stated_rate(rate_hz)


@pytest.mark.parametrize("rate_hz", [31.25, 31.319493, 1.0, 250.0])
@pytest.mark.parametrize("codes", [CODES, Codes(network="", station="UH1", location="00", channel="H")])
def test_obspy_reads_the_same_codes_time_rate_and_samples(rate_hz: float, codes: Codes) -> None:
    samples = np.random.default_rng(7).integers(-3000, 3000, 10_000, dtype=np.int32)
    content = b"".join(encode(codes, START_NS, stated_rate(rate_hz), samples))
    stream = obspy.read(BytesIO(content), format="MSEED")
    (trace,) = stream.merge()
    assert trace.id == str(codes)
    assert trace.stats.starttime.ns == START_NS
    assert trace.stats.sampling_rate == stated_rate(rate_hz)
    assert trace.data.tolist() == samples.tolist()
    assert trace.stats.mseed.record_length == RECORD_BYTES


def test_damaged_records_are_refused() -> None:
    record = b"".join(encode(CODES, START_NS, 31.25, np.arange(100, dtype=np.int32)))
    for damaged in (b"no miniSEED", record[:512], b"\0" * RECORD_BYTES):
        with pytest.raises(RecordDamaged):
            decode(damaged)


def test_codes_that_do_not_fit_a_header_are_refused() -> None:
    for wrong in ({"station": "TOOLONG"}, {"channel": ""}, {"network": "a/b"}, {"location": "é"}):
        with pytest.raises(ValueError, match="does not fit"):
            Codes(**{"network": "XX", "station": "014", "location": "", "channel": "BNZ"} | wrong)
