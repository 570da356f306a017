"""Arithmetic between segments: each sample once, where it was, and nothing between them is made up."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from services.sensors.store.piece import Samples
from services.sensors.store.waveform import Segment, join, thin, uncovered

START_NS = 1_518_824_379_000_000_000

RATES = st.sampled_from([1.0, 30.1886, 30.046948, 31.25, 100.0, 200.0]) | st.floats(0.01, 1000)


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    kind = draw(st.sampled_from([np.int32, np.float32, np.float64]))
    samples: Samples = draw(arrays(kind, st.integers(1, 300)))
    return segment(samples, rate_hz=draw(RATES), start_ns=draw(st.integers(-(10**18), 4 * 10**18)))


def segment(samples: Samples, *, rate_hz: float = 31.25, start_ns: int = START_NS, channel: str = "BNZ") -> Segment:
    return Segment(channel=channel, location_code="", start_ns=start_ns, sample_rate_hz=rate_hz, samples=samples)


def counting(count: int, first: int = 0, **facts: float) -> Segment:
    """Samples that tell their index, so that a test sees which were kept."""
    rate_hz = facts.get("rate_hz", 31.25)
    return segment(np.arange(first, first + count, dtype=np.int32), rate_hz=rate_hz)


@settings(deadline=None)
@given(RATES, st.integers(1, 500), st.data())
def test_neighbouring_slices_hold_every_sample_once_and_none_outside(
    rate_hz: float, count: int, data: st.DataObject
) -> None:
    whole = counting(count, rate_hz=rate_hz)
    around = st.integers(whole.start_ns - 10**9, whole.end_ns + 10**9)
    first, cut, last = sorted(data.draw(st.tuples(around, around, around)))
    parts = [part for part in (whole.slice(first, cut), whole.slice(cut, last)) if part is not None]
    expected = [index for index in range(count) if first <= whole.time_ns(index) < last]
    assert [index for part in parts for index in part.samples.tolist()] == expected


@settings(deadline=None)
@given(RATES, st.integers(1, 400), st.data())
def test_what_is_stored_and_what_is_uncovered_are_together_every_sample_once(
    rate_hz: float, count: int, data: st.DataObject
) -> None:
    whole = counting(count, rate_hz=rate_hz)
    edges = sorted(data.draw(st.sets(st.integers(0, count), max_size=8)))
    stored = [whole.part(first, stop) for first, stop in zip(edges[::2], edges[1::2], strict=False)]
    new = uncovered(whole, [part.extent for part in stored])
    assert sorted(index for part in stored + new for index in part.samples.tolist()) == list(range(count))
    assert uncovered(whole, [part.extent for part in stored + new]) == []


@settings(deadline=None)
@given(segments(), st.integers(1, 120), st.floats(-0.49, 0.49))
def test_a_second_import_adds_nothing_even_under_a_slightly_different_clock(
    original: Segment, samples_max: int, shift: float
) -> None:
    interval_ns = 10**9 / original.sample_rate_hz
    moved = replace(original, start_ns=original.start_ns + round(shift * interval_ns))
    parts = [original.part(first, first + samples_max) for first in range(0, original.samples.size, samples_max)]
    assert uncovered(moved, [part.extent for part in parts]) == []


def test_what_continues_or_precedes_stored_samples_is_kept_whole() -> None:
    stored, later = counting(100).part(0, 50), counting(100).part(50, 100)
    assert [len(part.samples) for part in uncovered(later, [stored.extent])] == [50]
    assert [len(part.samples) for part in uncovered(stored, [later.extent])] == [50]


def test_a_gap_stays_a_gap_and_other_channels_and_rates_stay_apart() -> None:
    whole = counting(100)
    pieces = [whole.part(60, 100), whole.part(0, 30), whole.part(30, 59)]
    assert [part.samples.size for part in join(pieces)] == [59, 40]
    strangers = [
        whole.part(0, 50),
        replace(whole.part(50, 100), channel="BN1"),
        replace(whole.part(50, 100), sample_rate_hz=31.0),
    ]
    assert len(join(strangers)) == 3


def test_drift_tears_nothing_and_half_an_interval_at_once_does() -> None:
    interval_ns = 32_000_000
    drifting = [
        replace(counting(10, first=10 * n), start_ns=START_NS + n * (10 * interval_ns + interval_ns // 5))
        for n in range(6)
    ]
    (joined,) = join(
        drifting
    )  # off by a whole interval at its end, but never by more than a fifth from one to the next
    assert joined.samples.tolist() == list(range(60))
    late = replace(counting(10, first=10), start_ns=counting(10).time_ns(10) + interval_ns // 2 + 1)
    assert len(join([counting(10), late])) == 2


@settings(deadline=None)
@given(arrays(np.int32, st.integers(1, 400)), st.integers(2, 50))
def test_a_thinned_segment_keeps_the_extremes_and_stays_within_its_time(samples: Samples, points_max: int) -> None:
    whole = segment(samples)
    thinned = thin(whole, points_max)
    assert thinned.samples.size <= points_max
    assert (thinned.samples.min(), thinned.samples.max()) == (samples.min(), samples.max())
    assert thinned.start_ns == whole.start_ns
    assert thinned.end_ns <= whole.end_ns
    if samples.size <= points_max:
        assert thinned is whole
