"""Files that ObsPy ships, cut short and with bits flipped at seeded places: read or refused, and never a crash."""

import random
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from services.sensors.ingest import ReadResult, UnreadableRecording, read
from services.sensors.ingest.samples import sample_files

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLACES = 20
# One of each format among the samples: packed text, miniSEED, SAC.
SHIPPED = [sample_files()[number].path for number in (0, 6, 8)]


def _outcome(path: Path) -> ReadResult | UnreadableRecording:
    try:
        return read(path, now=NOW)
    except UnreadableRecording as refusal:
        return refusal


def _is_whole(outcome: ReadResult | UnreadableRecording) -> bool:
    """Said why, or samples that are numbers, at times that can be."""
    if isinstance(outcome, UnreadableRecording):
        return bool(outcome.reason and outcome.remedy)
    segments = [segment for recording in outcome.recordings for segment in recording.segments]
    return all(segment.samples.size and np.isfinite(segment.samples).all() for segment in segments)


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda path: path.name)
def test_a_file_cut_short_is_read_as_far_as_it_goes_or_refused(tmp_path: Path, shipped: Path) -> None:
    content, path, draw = shipped.read_bytes(), tmp_path / shipped.name, random.Random(20)
    for place in sorted(draw.sample(range(len(content)), PLACES)):
        path.write_bytes(content[:place])
        assert _is_whole(_outcome(path)), place


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda path: path.name)
def test_a_file_with_a_flipped_bit_is_read_or_refused(tmp_path: Path, shipped: Path) -> None:
    content, path, draw = shipped.read_bytes(), tmp_path / shipped.name, random.Random(21)
    # Half of them among the first bytes, where headers are.
    places = [draw.randrange(min(512, len(content))) for _ in range(PLACES // 2)]
    places += [draw.randrange(len(content)) for _ in range(PLACES // 2)]
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << draw.randrange(8)
        path.write_bytes(flipped)
        assert _is_whole(_outcome(path)), place
