"""ObsPy's own test files, whole and damaged, imported twice: each sample they show is in one account, and stored once.

A seeded sample of them: all formats that it reads, and files that are known to be broken.
"""

import random
from pathlib import Path

import obspy
import pytest
from sqlalchemy import func, select

from services.sensors import assembly, ingest, tables
from services.sensors.assembly import Sensors
from services.sensors.ingest import ReadResult, UnreadableRecording
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON, ORGANISATION_ID, ORIGIN, NoBus

OBSPY = Path(obspy.__file__).parent
FILES, BYTES_MAX = 160, 300_000


def shipped() -> list[Path]:
    files = (path for path in sorted(OBSPY.rglob("tests/data/**/*")) if path.is_file())
    return random.Random(8).sample([path for path in files if 0 < path.stat().st_size < BYTES_MAX], FILES)


def damaged(content: bytes, draw: random.Random) -> list[bytes]:
    """Itself; cut short; with a bit flipped among the first bytes, where headers are, and anywhere."""
    found = [content, content[: draw.randrange(len(content))]]
    for stop in (min(512, len(content)), len(content)):
        flipped = bytearray(content)
        flipped[draw.randrange(stop)] ^= 1 << draw.randrange(8)
        found.append(bytes(flipped))
    return found


def shown(result: ReadResult) -> int:
    segments = (one for recording in result.recordings for one in recording.segments)
    return sum(one.samples.size for one in segments) + sum(one.samples for one in result.rejected)


@pytest.fixture
def sensors(database: Database, tmp_path: Path, clock: ManualClock) -> Sensors:
    return assembly.assemble(database, NoBus(), clock, tmp_path / "samples")


def test_every_sample_that_a_file_shows_is_accounted_for_and_stored_once(sensors: Sensors, tmp_path: Path) -> None:
    draw, new, imports = random.Random(21), 0, 0
    for file in shipped():
        path = tmp_path / file.name
        for number, content in enumerate(damaged(file.read_bytes(), draw)):
            path.write_bytes(content)
            where = f"{file.relative_to(OBSPY)}, {number}"
            try:
                result = ingest.read(path, now=NOON)
            except UnreadableRecording:
                continue
            first, again = (sensors.importer.store(result, ORGANISATION_ID, ORIGIN).account for _ in range(2))
            rejected = sum(one.samples for one in result.rejected)
            assert (first.offered, first.rejected) == (shown(result), rejected), where
            assert (again.new, again.offered, again.rejected) == (0, first.offered, rejected), where
            new, imports = new + first.new, imports + 1
    assert imports > FILES / 2
    assert stored(sensors) == new > 100_000


def stored(sensors: Sensors) -> int:
    with sensors.database.reading() as tx:
        return int(tx.execute(select(func.sum(tables.span.c["count"]))).scalar_one())
