"""What a file is, is decided by its content; what cannot be used says why, and what to do."""

import errno
import gzip
import json
import os
from codecs import BOM_UTF8
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.sensors import ingest
from services.sensors.ingest import ReadResult, UnreadableRecording
from services.sensors.store.miniseed.codec import encode
from services.sensors.store.miniseed.codes import Codes
from tests.examples import NOON

RECORD: dict[str, Any] = {"device_id": "000", "x": [0.1], "y": [0.2], "z": [0.3], "cloud_t": 1_518_824_100.0}
LINE = json.dumps(RECORD).encode() + b"\n"


def read(path: Path) -> ReadResult:
    return ingest.read(path, now=NOON)


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("35.jsonl", LINE),
        ("35.jsonl.gz", gzip.compress(LINE, mtime=0)),
        ("35", LINE),
        ("35.mseed", gzip.compress(LINE, mtime=0)),
        ("35.jsonl", b"first line broken\n" + LINE),
        ("35.json", BOM_UTF8 + LINE.replace(b"\n", b"\r\n")),
        ("[35] http:%2F*.jsonl", LINE),
    ],
)
def test_json_lines_are_known_by_their_content_packed_or_not(tmp_path: Path, name: str, content: bytes) -> None:
    assert read(written(tmp_path, name, content)).recordings[0].name == "000"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("35.jsonl", b"", "the file is empty"),
        ("35.jsonl.gz", LINE, "its name ends in .gz, but it is not a gzip file"),
        ("35.jsonl.gz", gzip.compress(LINE * 1000, mtime=0)[:20], "cut short"),
        ("35.jsonl.gz", gzip.compress(LINE * 1000, mtime=0)[:40] + b"\xff" * 40, "the gzip file is corrupt"),
        ("35.jsonl.gz", gzip.compress(LINE * 1000, mtime=0)[:-8] + b"\0" * 8, "CRC"),
        ("35.mseed", gzip.compress(b"\0\xfe" * 40, mtime=0) + b"rubbish", "other bytes follow its end"),
        ("35.jsonl", b"\0\xfe" * 40, "neither OpenEEW JSON lines nor a waveform format"),
        ("notes.txt", b"dear diary\n", "neither OpenEEW JSON lines nor a waveform format"),
    ],
)
def test_a_file_of_which_nothing_can_be_used_says_why(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(UnreadableRecording, match=reason) as refusal:
        read(path)
    assert refusal.value.path == path
    assert str(refusal.value).endswith(refusal.value.remedy + ".")


def test_a_directory_and_an_absent_file_say_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRecording, match="Is a directory"):
        read(tmp_path)
    with pytest.raises(UnreadableRecording, match="File name too long"):
        read(tmp_path / ("a" * 300))
    with pytest.raises(UnreadableRecording, match="No such file"):
        read(tmp_path / "36.jsonl")


def test_what_is_kept_of_a_name_can_be_stored_although_it_is_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\xfe.jsonl")
    lines = read(written(tmp_path, name, json.dumps(RECORD | {"device_t": RECORD["cloud_t"]}).encode()))
    codes = Codes(network="XX", station="A", location="", channel="BNZ")
    waveform = b"".join(encode(codes, 1_518_824_100 * 10**9, 31.25, np.arange(9, dtype=np.int32)))
    traces = read(written(tmp_path, name.replace("jsonl", "mseed"), waveform))
    assert lines.recordings[0].records[0].source.encode() == b"\\xff\\xfe.jsonl:1"
    assert traces.recordings[0].segments[0].source.encode() == b"\\xff\\xfe.mseed:1"


def test_a_file_cut_short_keeps_what_came_before_and_says_where(tmp_path: Path) -> None:
    lines = [json.dumps(RECORD | {"cloud_t": RECORD["cloud_t"] + n, "z": [n / 7]}).encode() for n in range(3000)]
    packed = gzip.compress(b"\n".join(lines), mtime=0)
    result = read(written(tmp_path, "35.jsonl.gz", packed[: len(packed) // 2]))
    (rejected,) = result.rejected
    assert rejected.reason == "the file is cut short here: fetch it again"
    assert rejected.line == result.lines_read + 1
    assert 0 < result.lines_read < 3000


def test_lines_before_other_bytes_that_follow_a_packed_file_are_kept(tmp_path: Path) -> None:
    result = read(written(tmp_path, "35.jsonl.gz", gzip.compress(LINE * 2, mtime=0) + b"rubbish"))
    (rejected,) = result.rejected
    assert (rejected.line, rejected.reason) == (3, "other bytes follow the gzip file's end here: fetch it again")
    assert len(result.recordings) == 1


@pytest.mark.parametrize("content", [LINE, gzip.compress(LINE, mtime=0)])
def test_lines_without_a_file_are_read_packed_or_not(content: bytes) -> None:
    assert ingest.read_lines(BytesIO(content), now=NOON).recordings[0].name == "000"


def test_lines_without_a_file_that_are_cut_short_say_so() -> None:
    with pytest.raises(UnreadableRecording, match="standard input: the gzip file is cut short"):
        ingest.read_lines(BytesIO(gzip.compress(LINE * 1000, mtime=0)[:20]), now=NOON)


def test_a_folder_gives_its_files_but_not_what_is_hidden_nor_lists_of_devices(tmp_path: Path) -> None:
    for name in ("b/40.jsonl", "a/35.jsonl", "a/.partial", "devices.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        written(tmp_path, name, LINE)
    assert [str(file.relative_to(tmp_path)) for file in ingest.files_in(tmp_path)] == ["a/35.jsonl", "b/40.jsonl"]


def test_links_are_followed_to_each_folder_once_and_what_cannot_be_read_of_a_folder_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, elsewhere, scandir = tmp_path / "given", tmp_path / "elsewhere", os.scandir
    for path in (elsewhere, folder / "within", folder / "locked"):
        path.mkdir(parents=True)
    written(elsewhere, "35.jsonl", LINE)
    for name, target in {"a": elsewhere, "b": elsewhere, "within/loop": folder, "gone.jsonl": tmp_path / "no"}.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe")

    def listed(path: str) -> object:
        if path.endswith("locked"):  # as it is for others than root
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", listed)
    files = ingest.files_in(folder)
    assert [str(file.relative_to(folder)) for file in files] == ["a/35.jsonl", "gone.jsonl", "locked"]
    for file in files[1:]:
        with pytest.raises(UnreadableRecording):
            read(file)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=2000))
def test_rubbish_is_refused_and_never_crashes(tmp_path: Path, rubbish: bytes) -> None:
    with pytest.raises(UnreadableRecording):
        read(written(tmp_path, "rubbish", rubbish))
