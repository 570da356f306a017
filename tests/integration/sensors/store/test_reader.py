"""Reads give exactly the samples of a range, as segments and as miniSEED, wherever they are stored."""

from io import BytesIO
from typing import Any

import obspy
import pytest

from services.sensors.store import index
from services.sensors.store.miniseed.archive import Archive
from services.sensors.store.miniseed.codec import RECORD_BYTES, encode
from services.sensors.store.span import SpanDamaged
from shared.runtime.clock import ManualClock
from tests.integration.sensors.store.stored_samples import (
    HOUR_NS,
    SENSOR_ID,
    START_NS,
    StoredSamples,
    counting,
    records,
    stretch,
)

INTERVAL_NS = 32_000_000


@pytest.fixture
def half_sealed(stored: StoredSamples, clock: ManualClock) -> StoredSamples:
    """Two hours, three records missing, sealed but for the last minutes."""
    stored.add(*stretch(0, 2000), *stretch(2003, 6000))
    clock.advance(300)
    assert stored.sealer().run() == 2
    stored.add(*stretch(6000, 6990), *records(range(6990, 7031)))
    return stored


@pytest.mark.parametrize(
    ("first", "stop"),
    [(0, 1), (5, 100), (3000, 20_000), (63_999, 64_100), (112_490, 112_510), (190_000, 200_000), (0, 224_992)],
)
def test_a_range_is_cut_to_the_sample(half_sealed: StoredSamples, first: int, stop: int) -> None:
    there = [number for number in range(first, stop) if not 64_000 <= number < 64_096]
    start_ns, end_ns = START_NS + first * INTERVAL_NS, START_NS + stop * INTERVAL_NS
    assert half_sealed.samples(start_ns, end_ns) == there
    assert half_sealed.samples(start_ns - INTERVAL_NS + 1, end_ns - INTERVAL_NS + 1) == there
    content = half_sealed.reader.miniseed(SENSOR_ID, start_ns, end_ns, None)
    stream = obspy.read(BytesIO(content)).merge() if there else obspy.Stream()
    assert [int(value) for trace in stream.split() for value in trace.data] == there
    assert {trace.id for trace in stream} == {"XX.014..BNZ"}


def test_a_range_without_samples_is_empty(half_sealed: StoredSamples) -> None:
    assert half_sealed.samples(START_NS - HOUR_NS, START_NS) == []
    assert half_sealed.reader.miniseed(SENSOR_ID, START_NS - HOUR_NS, START_NS, None) == b""


def test_there_is_a_segment_for_each_stretch_and_no_seam_between_hours_and_tiers(half_sealed: StoredSamples) -> None:
    segments = half_sealed.reader.segments(SENSOR_ID, START_NS, START_NS + 3 * HOUR_NS, None)
    assert [one.samples.size for one in segments] == [64_000, 224_992 - 64_096]


def test_whole_records_go_out_as_they_are_and_no_others_are_read(
    half_sealed: StoredSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[int, int]] = []

    def count(self: Archive, relative: str, offset: int, length: int) -> bytes:
        read.append((offset, length))
        return original(self, relative, offset, length)

    original = Archive.read
    monkeypatch.setattr(Archive, "read", count)
    content = half_sealed.reader.miniseed(SENSOR_ID, START_NS, START_NS + 600 * 10**9, None)
    sealed = half_sealed.archive.content(next(name for name, _ in half_sealed.archive.names()))
    whole = len(content) - RECORD_BYTES
    assert content[:whole] == sealed[:whole]
    assert sum(length for _, length in read) <= len(content) + RECORD_BYTES


def test_the_disk_is_asked_for_all_files_before_the_first_is_waited_for(
    half_sealed: StoredSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str, int, int]] = []

    def noted(name: str, of: Any) -> Any:
        def note(self: Archive, path: str, offset: int, length: int) -> Any:
            asked.append((name, path, offset, length))
            return of(self, path, offset, length)

        return note

    for name, of in (("prefetch", Archive.prefetch), ("read", Archive.read)):
        monkeypatch.setattr(Archive, name, noted(name, of))
    edge_ns = START_NS + HOUR_NS
    half_sealed.reader.miniseed(SENSOR_ID, edge_ns - 300 * 10**9, edge_ns + 300 * 10**9, None)
    assert [name for name, *_ in asked] == ["prefetch", "prefetch", "read", "read"]
    assert [one[1:] for one in asked[:2]] == [one[1:] for one in asked[2:]]


def test_other_channels_are_left_out(stored: StoredSamples) -> None:
    stored.add(counting(0, 32), counting(0, 32, axis="y"))
    assert {one.channel for one in stored.reader.segments(SENSOR_ID, START_NS, START_NS + HOUR_NS, None)} == {
        "BN1",
        "BNZ",
    }
    assert {one.channel for one in stored.reader.segments(SENSOR_ID, START_NS, START_NS + HOUR_NS, "BN1")} == {"BN1"}


def test_a_file_that_is_sealed_anew_and_gone_meanwhile_is_looked_up_again(
    half_sealed: StoredSamples, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = index.between
    done: list[bool] = []

    def list_and_seal(*arguments: object) -> object:
        spans = listed(*arguments)  # type: ignore[arg-type]  # as the reader calls it
        if not done:
            done.append(True)
            clock.advance(3600)
            half_sealed.sealer().run(settled=False)
            clock.advance(7200)
            half_sealed.sweep.delete_superseded()
        return spans

    half_sealed.add(*records(range(2000, 2003)))
    monkeypatch.setattr(index, "between", list_and_seal)
    assert half_sealed.samples() == list(range(224_992))


def test_damaged_samples_are_refused_and_the_rest_is_read(half_sealed: StoredSamples) -> None:
    path = half_sealed.archive.folder / next(name for name, _ in half_sealed.archive.names())
    content = bytearray(path.read_bytes())
    content[3000] ^= 1
    path.write_bytes(content)
    with pytest.raises(SpanDamaged, match="record 0"):
        half_sealed.samples(START_NS, START_NS + 10**9)
    later_ns = START_NS + 40 * 60 * 10**9
    assert half_sealed.samples(later_ns, later_ns + INTERVAL_NS) == [75_000]


def test_what_has_just_arrived_is_as_many_records_as_it_needs(stored: StoredSamples) -> None:
    stored.add(*records(range(60)))
    content = stored.reader.miniseed(SENSOR_ID, START_NS, START_NS + HOUR_NS, None)
    (whole,) = stored.reader.segments(SENSOR_ID, START_NS, START_NS + HOUR_NS, None)
    with stored.database.reading() as tx:
        codes = stored.coding.of(tx, SENSOR_ID).at("x", START_NS, 31.25)
    assert content == b"".join(encode(codes, START_NS, 31.25, whole.samples))
