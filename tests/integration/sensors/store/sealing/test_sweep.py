"""The sweep deletes what nobody names after an hour, and nothing else."""

import os

from shared.runtime.clock import ManualClock
from tests.integration.sensors.store.stored_samples import StoredSamples, records


def test_files_that_the_index_never_named_go_when_they_are_an_hour_old(
    stored: StoredSamples, clock: ManualClock
) -> None:
    now = clock.now().timestamp()
    for name, age in (("org_x/2026/XX/014/BNZ.D/old", 3601), ("org_x/2026/XX/014/BNZ.D/young", 3599)):
        stored.archive.write(name, b"content")
        os.utime(stored.archive.folder / name, (now - age, now - age))
    unfinished = stored.archive.folder / "incoming" / "cut"
    unfinished.write_bytes(b"half")
    os.utime(unfinished, (now - 4000, now - 4000))
    assert stored.verification.run().unnamed == (
        "incoming/cut",
        "org_x/2026/XX/014/BNZ.D/old",
        "org_x/2026/XX/014/BNZ.D/young",
    )
    assert stored.sweep.delete_orphans() == 2
    assert [name for name, _ in stored.archive.names()] == ["org_x/2026/XX/014/BNZ.D/young"]


def test_a_named_file_stays_however_old(stored: StoredSamples, clock: ManualClock) -> None:
    stored.add(*records(range(100)))
    clock.advance(300)
    stored.sealer().run()
    (name, _), *_ = stored.archive.names()
    os.utime(stored.archive.folder / name, (0, 0))
    stored.sweep.run()
    assert stored.samples() == list(range(3200))
