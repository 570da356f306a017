"""An index that was lost comes back from the files: each sample once, whatever rows were restored beside it."""

import pytest

from services.sensors.store.sealing.reindexing import FolderIsEmpty
from shared.runtime.clock import ManualClock
from tests.integration.sensors.store.stored_samples import (
    HOUR_NS,
    SENSOR_ID,
    START_NS,
    Line,
    Lines,
    StoredSamples,
    counting,
    records,
    stretch,
)


@pytest.fixture
def sealed(stored: StoredSamples, clock: ManualClock) -> StoredSamples:
    """Two hours, the first of which has two generations."""
    stored.add(*stretch(0, 100), *stretch(150, 4000), counting(0, 32, axis="y"))
    clock.advance(300)
    stored.sealer().run()
    stored.add(*records(range(100, 150)))
    clock.advance(300)
    stored.sealer().run()
    return stored


def test_a_lost_index_comes_back_from_the_files(sealed: StoredSamples) -> None:
    before = sealed.samples()
    sealed.lose_index()
    assert sealed.samples() == []
    done = sealed.reindexing.run()
    assert (done.files, done.samples, done.faults) == (3, len(before) + 32, ())
    assert sealed.samples() == before == list(range(128_000))
    assert sealed.verification.run().faults == ()
    assert sealed.reindexing.run().files == 0


def test_rows_whose_samples_the_files_hold_go_and_others_stay(sealed: StoredSamples, clock: ManualClock) -> None:
    sealed.lose_index()
    half_covered = counting(32 * 4000 - 10, 10 + 64)
    sealed.add(*records(range(3990, 4000)), half_covered, *records(range(4002, 4010)), counting(32 * 50 - 7, 20))
    sealed.reindexing.run()
    assert sealed.samples() == list(range(4010 * 32))
    clock.advance(300)
    sealed.sealer().run()
    assert sealed.samples() == list(range(4010 * 32))


def test_an_index_that_is_whole_stays_as_it_is(sealed: StoredSamples, clock: ManualClock) -> None:
    """The older generation and a sealer's unnamed file are no lost ones."""
    assert sealed.reindexing.run() == sealed.reindexing.run()
    (name, _), *_ = [entry for entry in sealed.archive.names() if entry[0].endswith("06-2")]
    sealed.archive.write(f"{name[:-1]}3", sealed.archive.content(name))
    assert sealed.reindexing.run().files == 0
    assert sealed.samples() == list(range(128_000))


def test_a_damaged_or_foreign_file_is_named_and_left_out(sealed: StoredSamples) -> None:
    sealed.lose_index()
    damaged = next(name for name, _ in sealed.archive.names() if name.endswith("07-1"))
    path = sealed.archive.folder / damaged
    path.write_bytes(path.read_bytes()[:-1])
    foreign = damaged.replace("XX", "YY").replace("07-1", "06-1")
    sealed.archive.write(foreign, sealed.archive.content(next(name for name, _ in sealed.archive.names())))
    faults = sealed.reindexing.run().faults
    assert {fault.place for fault in faults} == {damaged, foreign}


def test_files_that_are_gone_are_taken_out_when_that_is_asked_for(sealed: StoredSamples) -> None:
    names = [name for name, _ in sealed.archive.names() if "06-" in name]
    for name in names:
        (sealed.archive.folder / name).unlink()
    assert sealed.reindexing.run().dropped == 0
    assert sealed.reindexing.run(drop_missing=True).dropped == 2
    assert sealed.verification.run().faults == ()
    assert sealed.samples() == list(range(112_500, 128_000))
    for name, _ in list(sealed.archive.names()):
        (sealed.archive.folder / name).unlink()
    with pytest.raises(FolderIsEmpty):
        sealed.reindexing.run(drop_missing=True)


def everything(stored: StoredSamples) -> list[int]:
    """Of all channels: the numbers that are the samples, in order."""
    segments = stored.reader.segments(SENSOR_ID, START_NS - 48 * HOUR_NS, START_NS + 48 * HOUR_NS, None)
    return sorted(int(value) for one in segments for value in one.samples)


def test_a_file_that_other_codes_superseded_does_not_come_back(stored: StoredSamples, clock: ManualClock) -> None:
    stored.add(*stretch(0, 100))
    clock.advance(300)
    stored.sealer().run()
    stored.recode(channel_code="HNE")
    clock.advance(300)
    stored.sealer().run()
    assert len(list(stored.archive.names())) == 2
    assert stored.reindexing.run().files == 0
    assert everything(stored) == list(range(3200))


def test_a_file_whose_samples_all_moved_to_another_hour_does_not_come_back(
    stored: StoredSamples, clock: ManualClock, lines: Lines
) -> None:
    stored.add(*stretch(0, 100))
    clock.advance(300)
    stored.sealer().run()
    timing = lines.of[1] = Line(offset_ns=HOUR_NS)
    with stored.database.transaction() as tx:
        stored.store.retime(tx, SENSOR_ID, 1, timing)
    for _ in range(2):
        clock.advance(300)
        stored.sealer().run()
    assert stored.reindexing.run().files == 0
    assert everything(stored) == list(range(3200))


def test_a_file_under_new_codes_whose_sealer_ended_before_its_swap_does_not_come_back(
    stored: StoredSamples, clock: ManualClock
) -> None:
    stored.add(*stretch(0, 100))
    clock.advance(300)
    stored.sealer().run()
    stored.recode(channel_code="HNE")
    clock.advance(300)

    def killed(step: str) -> None:
        if step == "named":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stored.sealer(killed).run()
    assert len(list(stored.archive.names())) == 2
    assert stored.reindexing.run().files == 0
    assert everything(stored) == list(range(3200))
