"""catalogue.txt is read block by block; what is broken costs one block."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.sensors.catalogue.reading import read
from services.sensors.catalogue.solution import Solution
from services.sensors.ingest.recording import UnreadableRecording

REPOSITORY = Path(__file__).resolve().parents[5]
OPENEEW = Path(os.environ.get("GRILLO_TEST_DATA", REPOSITORY / "../shared/data/openeew")).resolve()
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LINE = "--------------------------------------------"
BLOCK = "name = 2625\ntime = 2017-12-01 00:28:59\nlatitude = 17.57\nlongitude = -101.39\nmagnitude = 3.6\n"


def test_the_catalogue_of_openeew_is_read_whole() -> None:
    catalogue = read(OPENEEW / "catalogue.txt", now=NOW)
    assert catalogue.rejected == ()
    assert len(catalogue.events) == 4086
    assert len({event.public_id for event in catalogue.events}) == 4085, "one of them stands there twice"
    first = catalogue.events[0]
    assert (first.source, first.public_id, first.said_at) == ("openeew", "smi:openeew/event/2625", None)
    assert first.solution == Solution(
        origin_time=datetime(2017, 12, 1, 0, 28, 59, tzinfo=UTC), latitude=17.57, longitude=-101.39, magnitude=3.6
    )


def test_whose_it_is_may_be_said(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.txt"
    file.write_text(BLOCK)
    (event,) = read(file, now=NOW, source="mx.ssn").events
    assert (event.source, event.public_id) == ("mx.ssn", "smi:mx.ssn/event/2625")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("latitude = 17.57", "latitude = 170", "latitude: must be a number from -90 to 90"),
        ("longitude = -101.39\n", "", "longitude: not given"),
        ("magnitude = 3.6", "magnitude = big", "magnitude: must be a number"),
        ("2017-12-01 00:28:59", "yesterday", "time: must be a time"),
        ("name = 2625", "name = a b", "publicID: must be a QuakeML identifier"),
        ("magnitude = 3.6", "shaking = strong", "each line must be one of"),
        ("magnitude = 3.6", "latitude = 3", "each line must be one of"),
    ],
)
def test_a_block_that_is_broken_is_rejected_with_its_line(tmp_path: Path, old: str, new: str, reason: str) -> None:
    file = tmp_path / "catalogue.txt"
    file.write_text(f"{BLOCK.replace('2625', '1')}{LINE}\n{BLOCK.replace(old, new)}{LINE}\n")
    catalogue = read(file, now=NOW)
    assert len(catalogue.events) == 1
    (rejected,) = catalogue.rejected
    assert (rejected.place, rejected.reason[: len(reason)]) == ("line 7", reason)


@pytest.mark.parametrize("content", [b"hello\n", b"\0\1\2", b'{"device_id": 1}\n'])
def test_what_is_no_catalogue_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "catalogue.txt"
    file.write_bytes(content)
    with pytest.raises(UnreadableRecording, match="no catalogue that can be read"):
        read(file, now=NOW)
