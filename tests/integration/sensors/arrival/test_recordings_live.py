"""Real recordings are the same once sealed, whether they came as files or message by message."""

import gzip
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.sensors.arrival.record import Record
from services.sensors.ingest.openeew_message import parse
from services.sensors.store.even_times import NS
from services.sensors.store.waveform import Segment
from tests.integration.sensors.arrival.scene import scene

REPOSITORY = Path(__file__).resolve().parents[4]
RECORDS = Path(os.environ.get("GRILLO_TEST_DATA", REPOSITORY / "../shared/data/openeew")).resolve() / "records"


def records(folder: Path) -> list[Record]:
    lines = [line for path in sorted(folder.glob("*.gz")) for line in gzip.decompress(path.read_bytes()).splitlines()]
    return [one for line in lines for one in parse(line, source=folder.name, now_ns=1_800_000_000 * NS).records]


def sealed(folder: Path, some: Sequence[Record], parts: int) -> list[Segment]:
    folder.mkdir()
    here = scene(folder)
    here.take(some, parts=parts)
    while here.samples.sealer.run(settled=False):
        pass
    return here.segments()


@pytest.mark.parametrize("device", ["006", "014"])
def test_a_recording_is_the_same_from_its_files_and_message_by_message(tmp_path: Path, device: str) -> None:
    taken = records(RECORDS / "2018_2_16" / device)
    by_file = sealed(tmp_path / "files", taken, 1)
    live = sealed(tmp_path / "live", taken, len(taken) // 2)
    assert [(one.sample_rate_hz, one.samples.tolist()) for one in live] == [
        (one.sample_rate_hz, one.samples.tolist()) for one in by_file
    ]
    half_ns = NS / by_file[0].sample_rate_hz / 2
    for one, other in zip(live, by_file, strict=True):
        assert abs(one.start_ns - other.start_ns) < half_ns


def test_a_device_whose_spacing_alternates_has_the_same_samples_and_rate_but_may_have_more_segments(
    tmp_path: Path,
) -> None:
    """1.065 and 1.041 s for 32 samples: its first messages are laid by a rate that only later ones tell to be wrong."""
    taken = records(RECORDS / "2018_2_16" / "000")
    by_file = sealed(tmp_path / "files", taken, 1)
    live = sealed(tmp_path / "live", taken, len(taken) // 2)
    assert {one.sample_rate_hz for one in live} == {one.sample_rate_hz for one in by_file}
    found, expected = ([value for one in segments for value in one.samples] for segments in (live, by_file))
    assert found == expected
