"""Real recordings are the same once sealed, whether they came as files or message by message, in whatever order."""

import gzip
import os
import random
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


@pytest.mark.parametrize(
    "recording", ["2018_2_16/000", "2018_2_16/006", "2018_2_16/014", "2020_1_24/011", "2020_1_24/029"]
)
def test_a_recording_is_the_same_from_its_files_and_message_by_message_in_any_order(
    tmp_path: Path, recording: str
) -> None:
    """Of 000 the spacing alternates between 1.065 and 1.041 s; those of 2018 state 31.25 Hz and have 30.05."""
    taken = records(RECORDS / recording)
    by_file = sealed(tmp_path / "files", taken, 1)
    shuffled = list(taken)
    random.Random(recording).shuffle(shuffled)
    of_many = max(len(taken) // 32, 1)
    for name, some, parts in (
        ("live", taken, len(taken) // 2),
        ("shuffled", shuffled, len(taken) // 2),
        ("in batches", shuffled, of_many),
    ):
        found = sealed(tmp_path / name, some, parts)
        assert [(one.sample_rate_hz, one.samples.tolist()) for one in found] == [
            (one.sample_rate_hz, one.samples.tolist()) for one in by_file
        ]
        half_ns = NS / by_file[0].sample_rate_hz / 2
        for one, other in zip(found, by_file, strict=True):
            assert abs(one.start_ns - other.start_ns) < half_ns
