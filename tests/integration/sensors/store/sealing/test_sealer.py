"""Sealing moves samples from rows to files: each once, under the codes and at the times of now."""

import errno
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import func, select, update

from services.sensors import tables
from services.sensors.store.even_times import NS
from services.sensors.store.sealing.due_hours import SETTLE_SECONDS, measured
from services.sensors.store.sealing.sweep import KEPT_SECONDS
from shared.runtime.clock import ManualClock
from shared.runtime.room import ORDINARY_BYTES, Room
from shared.values.timestamps import to_microseconds
from tests.integration.sensors.store.stored_samples import (
    HOUR_NS,
    SENSOR_ID,
    START_NS,
    Line,
    Lines,
    StoredSamples,
    counting,
    records,
)

STEPS = ("read", "written", "synced", "named", "swapping", "swapped")


def rows(stored: StoredSamples) -> int:
    table = tables.span
    with stored.database.reading() as tx:
        return tx.execute(select(func.count()).where(table.c.file_id.is_(None)).select_from(table)).scalar_one()


def backlog(stored: StoredSamples, clock: ManualClock) -> float:
    """As operators see it."""
    (family,) = measured(stored.database, clock)()
    return float(family.samples[0].value)


def names(stored: StoredSamples) -> list[str]:
    return [name for name, _ in stored.archive.names()]


def test_an_hour_is_sealed_when_it_has_settled_and_reads_the_same(stored: StoredSamples, clock: ManualClock) -> None:
    stored.add(*records(range(3600)))
    before = stored.samples()
    assert stored.sealer().run() == 0
    assert backlog(stored, clock) == 0
    clock.advance(SETTLE_SECONDS)
    assert backlog(stored, clock) == 2
    assert stored.sealer().run() == 2
    assert backlog(stored, clock) == 0
    assert rows(stored) == 0
    assert stored.samples() == before == list(range(3600 * 32))
    assert names(stored) == [
        "org_2aUyqjCzEIiEcYMKj7TZtw/2026/XX/014/BNZ.D/XX.014..BNZ.D.2026.327.06-1",
        "org_2aUyqjCzEIiEcYMKj7TZtw/2026/XX/014/BNZ.D/XX.014..BNZ.D.2026.327.07-1",
    ]
    assert stored.sealer().run() == 0
    assert stored.verification.run().faults == ()


def test_what_came_while_the_clock_was_ahead_is_sealed_once_it_is_right(
    stored: StoredSamples, clock: ManualClock
) -> None:
    clock.set_by(timedelta(days=3))
    stored.add(*records(range(3600)))
    with stored.database.transaction() as tx:  # a sealer that was ended
        tx.execute(update(tables.channel).values(sealing_until_us=to_microseconds(clock.now())))
    clock.set_by(-timedelta(days=3))
    assert stored.sealer().run() == 2


def test_the_hour_that_goes_on_is_not_sealed(stored: StoredSamples, clock: ManualClock) -> None:
    stored.add(counting(6 * 112_500, 32))
    clock.advance(3599)
    assert stored.sealer().run() == 0
    clock.advance(1 + SETTLE_SECONDS)
    assert stored.sealer().run() == 1


def test_late_samples_make_a_new_generation_with_all_of_the_hour(stored: StoredSamples, clock: ManualClock) -> None:
    stored.add(*records([*range(100), *range(150, 200)]))
    clock.advance(300)
    stored.sealer().run()
    stored.add(*records(range(100, 150)))
    clock.advance(300)
    assert stored.sealer().run() == 1
    assert stored.samples() == list(range(6400))
    clock.advance(KEPT_SECONDS - 1)
    assert stored.sweep.delete_superseded() == 0
    assert sorted(name[-1] for name in names(stored)) == ["1", "2"]
    clock.advance(1)
    stored.sweep.delete_superseded()
    assert [name[-1] for name in names(stored)] == ["2"]
    assert stored.samples() == list(range(6400))


def test_what_came_a_second_at_a_time_is_as_small_as_what_came_at_once(
    stored: StoredSamples, clock: ManualClock
) -> None:
    noise = np.random.default_rng(5).normal(0, 30, 112_480).cumsum().astype(np.int32) // 40
    for number in range(0, noise.size, 32 * 60):
        whole = counting(number, min(32 * 60, noise.size - number))
        pieces = [whole.part(first, first + 32) for first in range(0, whole.count, 32)]
        for piece in pieces:
            object.__setattr__(piece, "samples", noise[number + int(piece.samples[0]) - number :][: piece.count])
        stored.add(*pieces)
    clock.advance(300)
    stored.sealer().run()
    (name,) = names(stored)
    assert len(stored.archive.content(name)) <= 1.8 * noise.size
    assert stored.samples() == noise.tolist()


def test_eras_rates_and_types_of_one_hour_share_a_file(stored: StoredSamples, clock: ManualClock) -> None:
    floats = counting(5000, 100)
    object.__setattr__(floats, "samples", floats.samples.astype(np.float32))
    stored.add(counting(0, 100), counting(1000, 100, era=2, ahead_ns=-5 * HOUR_NS), floats)
    clock.advance(300)
    stored.sealer().run()
    assert len(names(stored)) == 1
    assert stored.samples() == [*range(100), *range(1000, 1100), *range(5000, 5100)]
    assert stored.verification.run().faults == ()


def test_a_drifting_clock_tears_nothing_and_moves_no_sample(stored: StoredSamples, clock: ManualClock) -> None:
    """Each sealed record has its own start: over an hour the stated rate would be off by eleven intervals."""
    pieces = []
    for piece in records(range(3500)):
        object.__setattr__(piece, "start_ns", START_NS + round((piece.start_ns - START_NS) * (1 + 1e-4)))
        pieces.append(piece)
    stored.add(*pieces)
    clock.advance(300)
    stored.sealer().run()
    assert len(stored.reader.segments(SENSOR_ID, START_NS, START_NS + HOUR_NS, None)) == 1
    last = pieces[-1]
    (found,) = stored.reader.segments(SENSOR_ID, last.start_ns - 10**9 // 31, last.start_ns + 10**9 // 31, None)
    assert found.samples[-1] in (last.samples[0], last.samples[0] + 1)
    assert abs(found.time_ns(int(last.samples[0] - found.samples[0])) - last.start_ns) < 16_000_000


@pytest.mark.parametrize("step", STEPS)
def test_a_full_disk_at_any_step_leaves_nothing_by_halves(stored: StoredSamples, clock: ManualClock, step: str) -> None:
    stored.add(*records(range(100)))
    clock.advance(300)

    def fail(name: str) -> None:
        if name == step:
            raise OSError(errno.ENOSPC, "No space left on device")

    stored.sealer(fail).run()
    assert stored.samples() == list(range(3200))
    assert stored.verification.run().faults == ()
    clock.advance(300)
    stored.sealer().run()
    assert stored.samples() == list(range(3200))
    assert rows(stored) == 0


def test_an_hour_that_fails_as_nobody_foresaw_holds_up_no_other(stored: StoredSamples, clock: ManualClock) -> None:
    stored.add(*records(range(3600)))
    clock.advance(SETTLE_SECONDS)
    begun = list[str]()

    def fail(name: str) -> None:
        begun.append(name)
        if begun == ["read"]:
            raise ValueError("samples that nobody can seal")

    assert stored.sealer(fail).run() == 1
    clock.advance(SETTLE_SECONDS)
    assert stored.sealer().run() == 1
    assert stored.samples() == list(range(3600 * 32))


def test_sealing_leaves_the_room_that_is_kept_for_ending_keys(
    stored: StoredSamples, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.add(*records(range(100)))
    clock.advance(300)
    monkeypatch.setattr(Room, "has", lambda _room, floor_bytes: floor_bytes <= ORDINARY_BYTES)
    assert stored.sealer().run() == 0
    assert (names(stored), stored.samples()) == ([], list(range(3200)))


def test_rows_that_come_or_change_while_an_hour_is_sealed_are_not_lost(
    stored: StoredSamples, clock: ManualClock
) -> None:
    stored.add(*records(range(100)))
    clock.advance(300)
    stored.sealer(lambda name: stored.add(*records(range(100, 101))) if name == "read" else None).run()
    assert stored.samples() == list(range(3232))
    clock.advance(300)

    def delay(name: str) -> None:
        if name == "named":
            with stored.database.transaction() as tx:
                moved = tables.span.c.start_ns + 1_000_000_000
                tx.execute(update(tables.span).where(tables.span.c.file_id.is_(None)).values(start_ns=moved))

    assert stored.sealer(delay).run() == 0
    clock.advance(300)
    assert stored.sealer().run() == 1
    assert rows(stored) == 0


def test_an_hour_that_is_timed_anew_while_it_is_sealed_is_sealed_again(
    stored: StoredSamples, clock: ManualClock, lines: Lines
) -> None:
    stored.add(*records(range(100)))
    clock.advance(300)
    stored.sealer().run()

    def move(seconds: int) -> None:
        timing = lines.of[1] = Line(offset_ns=seconds * 10**9)
        with stored.database.transaction() as tx:
            stored.store.retime(tx, SENSOR_ID, 1, timing)

    move(100)
    clock.advance(300)
    assert stored.sealer(lambda name: move(200) if name == "named" else None).run() == 1
    clock.advance(300)
    assert stored.sealer().run() == 1
    assert stored.samples(START_NS, START_NS + 200 * 10**9) == []
    assert stored.samples() == list(range(3200))


def test_one_sealer_at_a_time_works_on_an_axis(stored: StoredSamples, clock: ManualClock) -> None:
    stored.add(*records(range(100)))
    clock.advance(300)
    others: list[int] = []

    def seal_too(name: str) -> None:
        if name == "read":
            others.append(stored.sealer().run())

    assert stored.sealer(seal_too).run() == 1
    assert others == [0]


def test_a_name_that_an_ended_sealer_left_is_not_replaced(stored: StoredSamples, clock: ManualClock) -> None:
    stored.add(*records(range(100)))
    clock.advance(300)
    stored.archive.write("org_2aUyqjCzEIiEcYMKj7TZtw/2026/XX/014/BNZ.D/XX.014..BNZ.D.2026.327.06-1", b"of another")
    assert stored.sealer().run() == 1
    assert [name[-1] for name in names(stored)] == ["1", "2"]
    assert stored.samples() == list(range(3200))


def test_codes_that_change_move_an_hour_to_another_file(stored: StoredSamples, clock: ManualClock) -> None:
    stored.add(*records(range(100)))
    clock.advance(300)
    stored.sealer().run()
    assert stored.recode(channel_code="HNZ", location_code="00") == 1
    clock.advance(300)
    stored.sealer().run()
    (segment,) = stored.reader.segments(SENSOR_ID, START_NS, START_NS + HOUR_NS, "HNZ")
    assert segment.samples.tolist() == list(range(3200))
    clock.advance(KEPT_SECONDS)
    stored.sweep.delete_superseded()
    assert [name.rpartition("/")[2] for name in names(stored)] == ["XX.014.00.HNZ.D.2026.327.06-2"]
    with stored.database.reading() as tx:
        assert tx.execute(select(tables.channel.c.code)).scalars().all() == ["HNZ"]


def test_codes_that_change_within_an_hour_part_it_at_that_sample(stored: StoredSamples, clock: ManualClock) -> None:
    stored.add(*records(range(100)))
    clock.advance(300)
    stored.sealer().run()
    assert stored.recode(START_NS + 50 * NS + 1, component="1") == 1
    clock.advance(300)
    stored.sealer().run()
    for channel, expected in (("BNZ", range(1563)), ("BN1", range(1563, 3200))):
        (segment,) = stored.reader.segments(SENSOR_ID, START_NS, START_NS + HOUR_NS, channel)
        assert segment.samples.tolist() == list(expected)
    assert stored.verification.run().faults == ()


def test_codes_that_change_while_an_hour_is_sealed_first_are_in_its_next_generation(
    stored: StoredSamples, clock: ManualClock
) -> None:
    stored.add(*records(range(100)))
    clock.advance(300)

    def correct(step: str) -> None:
        if step == "named":
            stored.recode(component="E")

    stored.sealer(correct).run()
    clock.advance(300)
    stored.sealer().run()
    (segment,) = stored.reader.segments(SENSOR_ID, START_NS, START_NS + HOUR_NS, "BNE")
    assert segment.samples.tolist() == list(range(3200))
    assert "XX.014..BNE.D.2026.327.06-2" in {name.rpartition("/")[2] for name in names(stored)}
