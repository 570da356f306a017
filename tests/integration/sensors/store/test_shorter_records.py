"""Sealed records that are shorter than usual are served, verified, indexed again and exported whole."""

import io
import tarfile
from pathlib import Path

import obspy

from services.sensors.exports.making.writers import _Sds
from shared.runtime.clock import ManualClock
from shared.runtime.room import Room
from tests.integration.sensors.store.stored_samples import HOUR_NS, SENSOR_ID, START_NS, StoredSamples, counting


def test_a_file_of_shorter_records_is_read_by_everything_that_reads_files(
    stored: StoredSamples, clock: ManualClock, tmp_path: Path
) -> None:
    pieces = [counting(33 * number, 32) for number in range(100)]  # one sample is missing after each
    others = [counting(33 * number, 32, axis="y") for number in range(100)]
    stored.add(*pieces, *others)
    clock.advance(300)
    stored.sealer().run()
    names = [name for name, _ in stored.archive.names()]
    assert len(names) == 2
    assert all(len(stored.archive.content(name)) < 100 * 4096 / 2 for name in names)
    values = [value for piece in pieces for value in piece.samples.tolist()]
    assert stored.samples() == values
    assert stored.verification.run().faults == ()
    archive = io.BytesIO()
    writer = _Sds(archive, stored.reader, tmp_path, Room(tmp_path))
    writer.write(SENSOR_ID, START_NS, START_NS + HOUR_NS, None)
    writer.close()
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        for member in tar.getmembers():
            content = tar.extractfile(member)
            assert content is not None
            traces = obspy.read(io.BytesIO(content.read()))
            assert [value for trace in traces for value in trace.data.tolist()] == values
            assert {trace.stats.channel for trace in traces} == {Path(member.name).parent.name.removesuffix(".D")}
    stored.lose_index()
    assert stored.reindexing.run().samples == 2 * len(values)
    assert stored.samples() == values
