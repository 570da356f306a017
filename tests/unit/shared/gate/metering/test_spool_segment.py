"""A segment gives back exactly what was appended, whatever happened to its last bytes, and who may hold it."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.gate.metering.spool_segment import SegmentInUse, SpoolSegment, abandoned

RECORDS = [b"first", b"2", b"third, with \x00 and \xff", b"x" * 5000]


@pytest.fixture
def segment(tmp_path: Path) -> SpoolSegment:
    return SpoolSegment.create(tmp_path)


def reopened(segment: SpoolSegment) -> SpoolSegment:
    """As the next process finds it."""
    segment.close()
    return SpoolSegment(segment.path)


def payloads(segment: SpoolSegment) -> list[bytes]:
    return segment.payloads(0, segment.size)


def append_all(segment: SpoolSegment) -> None:
    for record in RECORDS:
        segment.append(record)


def test_a_segment_gives_back_what_was_appended_in_order_here_and_to_the_next_process(segment: SpoolSegment) -> None:
    append_all(segment)
    assert payloads(segment) == RECORDS
    assert payloads(reopened(segment)) == RECORDS


@pytest.mark.parametrize("cut_bytes", [1, 7, 8, 9, 5000, 5007])
def test_a_torn_last_record_is_left_out_and_the_ones_before_are_kept(segment: SpoolSegment, cut_bytes: int) -> None:
    append_all(segment)
    os.truncate(segment.path, segment.size - cut_bytes)
    assert payloads(reopened(segment)) == RECORDS[:-1]


@given(garbage=st.binary(max_size=40))
@example(garbage=bytes(4096))  # what a power cut leaves: it would read as empty records, their CRC-32 being 0
def test_bytes_that_no_record_wrote_are_never_taken_for_one(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes
) -> None:
    segment = SpoolSegment.create(tmp_path_factory.mktemp("spool"))
    segment.append(b"good")
    with segment.path.open("r+b") as file:
        file.seek(segment.size)
        file.write(garbage)
    found = reopened(segment)
    assert payloads(found) == [b"good"]
    found.close()


def test_a_corrupted_record_is_not_given_out(segment: SpoolSegment) -> None:
    append_all(segment)
    with segment.path.open("r+b") as file:
        file.seek(segment.size - 2500)
        file.write(b"?")
    assert payloads(reopened(segment)) == RECORDS[:-1]


def test_a_length_beyond_all_bounds_is_not_believed(segment: SpoolSegment) -> None:
    segment.append(b"good")
    with segment.path.open("r+b") as file:
        file.seek(segment.size)
        file.write(b"\xff\xff\xff\x7f" + b"\x00" * 100)
    assert payloads(reopened(segment)) == [b"good"]


@pytest.mark.parametrize("size", [0, 64 * 1024 + 1])
def test_a_record_that_could_not_be_read_back_is_not_taken_either(segment: SpoolSegment, size: int) -> None:
    segment.append(b"x" * 64 * 1024)
    with pytest.raises(OSError, match=f"{size} bytes"):
        segment.append(b"x" * size)
    segment.append(b"after")
    assert payloads(segment) == [b"x" * 64 * 1024, b"after"]


def test_where_nothing_allocates_ahead_room_is_written(segment: SpoolSegment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    segment.append(b"before")
    segment.append(b"x" * 60_000)
    assert os.stat(segment.path).st_size > 60_000
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", no_room)
        with pytest.raises(OSError, match="No space"):
            append_for_ever(segment)
    kept = payloads(segment)
    assert kept[:2] == [b"before", b"x" * 60_000]
    assert payloads(reopened(segment)) == kept


def test_a_disk_without_room_leaves_the_segment_as_it_was(
    segment: SpoolSegment, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment.append(b"before")
    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", no_room)
        with pytest.raises(OSError, match="No space"):
            append_for_ever(segment)
    kept = payloads(segment)
    assert kept == [b"before", *[b"x" * 60_000] * (len(kept) - 1)]
    segment.append(b"after" * 12_000)
    assert payloads(segment) == payloads(reopened(segment)) == [*kept, b"after" * 12_000]


def test_a_record_is_in_the_kernels_memory_before_append_returns(segment: SpoolSegment) -> None:
    """Read through another file, as by a process that takes over after a SIGKILL; many rooms long."""
    written = []
    for number in range(60):
        written.append(bytes([number]) * 40_000)
        segment.append(written[-1])
        assert segment.path.read_bytes()[segment.size - 40_000 : segment.size] == written[-1]
    assert payloads(segment) == written


def append_for_ever(segment: SpoolSegment) -> None:
    while True:
        segment.append(b"x" * 60_000)


def no_room(_file: int, _offset: int, _size: int) -> None:
    raise OSError(28, "No space left on device")


@given(data=st.data())
def test_a_record_whose_writer_was_killed_in_the_act_is_none(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever part of its bytes has reached the file by then, and in whatever order."""
    segment = SpoolSegment.create(tmp_path_factory.mktemp("spool"))
    segment.append(b"good")
    end = segment.size
    segment.append(b"never answered")
    written = segment.path.read_bytes()[end : segment.size]
    reached = data.draw(st.lists(st.booleans(), min_size=len(written), max_size=len(written)))
    torn = bytes(byte if has else 0 for byte, has in zip(written, reached, strict=True))
    with segment.path.open("r+b") as file:
        file.seek(end)
        file.write(torn)
    found = reopened(segment)
    assert payloads(found) == ([b"good", b"never answered"] if torn == written else [b"good"])
    assert torn == written or found.torn_bytes() == len(torn.rstrip(b"\0"))
    found.close()


def test_a_closed_segment_takes_nothing_more_and_writes_into_nobody_elses_file(
    segment: SpoolSegment, tmp_path: Path
) -> None:
    """A request that outlives its server's stop: the number of its file may be another file's by now."""
    segment.close()
    with (tmp_path / "database").open("wb+") as another:
        with pytest.raises(OSError):
            segment.append(b"late")
        another.seek(0)
        assert another.read() == b""


def test_extents_hold_whole_records_end_to_end_and_about_the_size_asked_for(segment: SpoolSegment) -> None:
    for number in range(100):
        segment.append(b"%03d" % number + b"." * 97)
    extents = list(iter(lambda: segment.cut_extent(1000), None))
    assert [start for start, _ in extents] == [0, *(end for _, end in extents[:-1])]
    assert segment.cut == segment.size
    assert {len(segment.payloads(*extent)) for extent in extents} == {10}
    assert segment.cut_extent(1000) is None


def test_an_extent_once_cut_is_the_same_for_whoever_sends_it_next(segment: SpoolSegment) -> None:
    segment.append(b"a")
    first = segment.cut_extent(1000)
    segment.append(b"b")
    found = reopened(segment)
    assert found.extents == [first]
    assert first is not None
    assert found.payloads(*first) == [b"a"]
    second = found.cut_extent(1000)
    assert second is not None
    assert found.payloads(*second) == [b"b"]
    assert reopened(found).extents == [first, second]


@pytest.mark.parametrize("written", ["torn", "not at all"])
def test_an_extent_that_the_disk_did_not_take_whole_is_cut_again_and_kept(
    segment: SpoolSegment, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    """A full disk, then room again: what is on disk must be every extent that was published from."""
    segment.append(b"a")
    write = os.write

    def full(file: int, data: bytes) -> int:
        if written == "torn":
            return write(file, data[:2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError):
            segment.cut_extent(1000)
    segment.append(b"b")
    again = segment.cut_extent(1000)
    assert reopened(segment).extents == [again]


def test_a_torn_line_of_extents_is_neither_believed_nor_in_the_way_of_the_next(segment: SpoolSegment) -> None:
    """It was never published from. What the adopter writes behind it must be read by the one after."""
    segment.append(b"a")
    first = segment.cut_extent(1000)
    segment.append(b"b")
    extents = segment.path.with_suffix(".extents")
    extents.write_text(extents.read_text() + "9 1")
    adopter = reopened(segment)
    assert adopter.extents == [first]
    second = adopter.cut_extent(1000)
    assert reopened(adopter).extents == [first, second]


def test_a_living_processs_segment_is_in_use_and_a_dead_ones_is_not(segment: SpoolSegment, tmp_path: Path) -> None:
    with pytest.raises(SegmentInUse):
        SpoolSegment(segment.path)
    assert list(abandoned(tmp_path)) == []
    segment.append(b"left behind")
    segment.close()
    (found,) = abandoned(tmp_path)
    assert payloads(found) == [b"left behind"]
    assert list(abandoned(tmp_path)) == []


def test_a_discarded_segment_leaves_nothing(segment: SpoolSegment, tmp_path: Path) -> None:
    segment.append(b"a")
    segment.cut_extent(1)
    segment.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_segment_discarded_while_another_process_opens_it_is_not_adopted(
    segment: SpoolSegment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the other's open and its lock the owner finished with it: its batches are counted, its extents gone."""
    segment.append(b"counted already")
    segment.cut_extent(1000)
    lock: Any = fcntl.flock

    def late(file: int, operation: int) -> None:
        segment.discard()
        lock(file, operation)

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", late)
        assert list(abandoned(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_a_new_segment_that_another_process_takes_for_abandoned_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between open and lock a fresh file looks like a dead process's; an adopter may take and discard it."""
    lock: Any = fcntl.flock
    adopted: list[SpoolSegment] = []

    def adopter_first(file: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        adopted.extend(abandoned(tmp_path))
        for found in adopted[:discarded]:
            found.discard()
        lock(file, operation)

    for discarded in (0, 1):  # noqa: B007  `adopter_first` reads it
        adopted.clear()
        monkeypatch.setattr(fcntl, "flock", adopter_first)
        mine = SpoolSegment.create(tmp_path)
        mine.append(b"mine")
        assert payloads(reopened(mine)) == [b"mine"]


def test_a_strangers_files_in_the_folder_stop_nobody(tmp_path: Path, segment: SpoolSegment) -> None:
    segment.append(b"good")
    segment.cut_extent(1000)
    segment.close()
    (tmp_path / "0.segment").mkdir()
    (tmp_path / "1.segment").write_bytes(b"not a segment")
    segment.path.with_suffix(".extents").write_bytes(
        segment.path.with_suffix(".extents").read_bytes() + b"x y\n\xff\xfe\n"
    )
    found: Iterator[SpoolSegment] = abandoned(tmp_path)
    assert sorted(len(payloads(one)) for one in found) == [0, 1]
