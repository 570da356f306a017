"""What is known of an era is found by device time, in rows and in files alike; and eras are timed anew."""

import pytest

from services.sensors.store.even_times import NS
from services.sensors.store.miniseed.archive import no_step
from services.sensors.store.miniseed.codes import SensorUnknown
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
)

AHEAD_NS = 1947 * NS


def known(stored: StoredSamples, era: int, from_ns: int, to_ns: int) -> list[int]:
    with stored.database.transaction() as tx:
        pieces = stored.store.known(tx, SENSOR_ID, era, from_ns, to_ns).get("x", [])
    return [int(value) for piece in pieces for value in piece.samples]


def by_rate(stored: StoredSamples) -> list[tuple[float, list[int]]]:
    segments = stored.reader.segments(SENSOR_ID, START_NS - HOUR_NS, START_NS + HOUR_NS, "BNZ")
    return [(one.sample_rate_hz, one.samples.tolist()) for one in segments]


@pytest.mark.parametrize("sealed", [False, True])
def test_what_is_stored_is_found_by_its_device_time(stored: StoredSamples, clock: ManualClock, sealed: bool) -> None:
    stored.add(*records(range(1000), ahead_ns=AHEAD_NS))
    if sealed:
        clock.advance(300)
        assert stored.sealer().run() == 1
    asked = counting(16_000, 32, ahead_ns=AHEAD_NS)
    found = known(stored, 1, asked.device_ns, asked.device_end_ns)
    assert set(asked.samples.tolist()) <= set(found)
    assert found == sorted(set(found))
    assert len(found) < 32_000 / 2
    assert known(stored, 2, asked.device_ns, asked.device_end_ns) == []
    assert known(stored, 1, asked.device_ns - AHEAD_NS, asked.device_end_ns - AHEAD_NS) == []


def test_what_came_from_a_file_keeps_its_device_times(stored: StoredSamples, clock: ManualClock) -> None:
    stored.add(*records(range(500), ahead_ns=AHEAD_NS))
    clock.advance(300)
    stored.sealer().run()
    with stored.database.transaction() as tx:
        pieces = stored.store.known(tx, SENSOR_ID, 1, 0, 2**62)["x"]
    for piece in pieces:
        for index in (0, piece.count // 2, piece.count - 1):
            expected = START_NS + AHEAD_NS + round(int(piece.samples[index]) * NS / 31.25)
            assert abs(piece.device_time_ns(index) - expected) <= 1000


def test_an_era_timed_anew_moves_its_rows_now_and_its_files_when_they_are_sealed_again(
    stored: StoredSamples, clock: ManualClock, lines: Lines
) -> None:
    stored.add(*records(range(100), ahead_ns=AHEAD_NS))
    clock.advance(300)
    stored.sealer().run()
    stored.add(*records(range(100, 200), ahead_ns=AHEAD_NS))
    timing = lines.of[1] = Line(offset_ns=-AHEAD_NS + 2 * HOUR_NS)
    with stored.database.transaction() as tx:
        retimed = stored.store.retime(tx, SENSOR_ID, 1, timing)
    assert (retimed.rows, retimed.hours) == (100, 1)
    assert stored.samples(START_NS, START_NS + HOUR_NS) == list(range(3200))
    clock.advance(300)
    while stored.sealer().run():
        clock.advance(300)
    assert stored.samples(START_NS, START_NS + HOUR_NS) == []
    assert stored.samples(START_NS + 2 * HOUR_NS, START_NS + 3 * HOUR_NS) == list(range(6400))
    assert stored.verification.run().faults == ()


@pytest.mark.parametrize("begins", ["before it is sealed", "while", "then"])
def test_a_rate_that_changes_within_an_hour_divides_it_at_that_sample(
    stored: StoredSamples, clock: ManualClock, lines: Lines, begins: str
) -> None:
    """Also where it does so within the last piece of an hour, of which nothing else has the new rate."""
    lines.of[1] = Line(offset_ns=-AHEAD_NS)
    from_ns = START_NS + AHEAD_NS + round(3179.5 * NS / 31.25)
    timing = Line(offset_ns=-AHEAD_NS, changes=((from_ns, 31.25390625),))

    def begin(step: str = "read") -> None:
        if step == "read":
            lines.of[1] = timing
            with stored.database.transaction() as tx:
                stored.store.retime(tx, SENSOR_ID, 1, timing, from_ns)

    stored.add(*records(range(100), ahead_ns=AHEAD_NS))
    clock.advance(300)
    if begins != "before it is sealed":
        stored.sealer(begin if begins == "while" else no_step).run()
    if begins != "while":
        begin()
    clock.advance(300)
    stored.sealer().run()
    assert by_rate(stored) == [(31.25, list(range(3180))), (31.25390625, list(range(3180, 3200)))]
    assert stored.verification.run().faults == ()
    with stored.database.transaction() as tx:
        retimed = stored.store.retime(tx, SENSOR_ID, 1, timing)
    assert (retimed.rows, retimed.hours) == (0, 0)


def test_a_time_that_moves_by_less_than_a_quarter_of_an_interval_changes_nothing(stored: StoredSamples) -> None:
    stored.add(*records(range(10)))
    with stored.database.transaction() as tx:
        retimed = stored.store.retime(tx, SENSOR_ID, 1, Line(offset_ns=7_900_000))
    assert (retimed.rows, retimed.hours) == (0, 0)


def test_a_range_of_device_time_is_timed_anew_alone(stored: StoredSamples) -> None:
    pieces = records(range(10))
    stored.add(*pieces)
    with stored.database.transaction() as tx:
        retimed = stored.store.retime(
            tx, SENSOR_ID, 1, Line(offset_ns=NS * 100), pieces[4].device_ns, pieces[5].device_end_ns
        )
    assert retimed.rows == 2


def test_a_forgotten_sensor_has_no_samples_rows_or_files(stored: StoredSamples, clock: ManualClock) -> None:
    stored.add(*records(range(100)))
    clock.advance(300)
    stored.sealer().run()
    stored.add(*records(range(100, 110)))
    with stored.database.transaction() as tx:
        stored.store.forget(tx, SENSOR_ID)
    assert stored.samples() == []
    stored.sweep.run()
    assert list(stored.archive.names()) == []
    verified = stored.verification.run()
    assert (verified.files, verified.rows, verified.faults) == (0, 0, ())


def test_samples_of_an_unknown_sensor_are_refused(stored: StoredSamples) -> None:
    with pytest.raises(SensorUnknown), stored.database.transaction() as tx:
        stored.store.lock(tx, "sen_unknown")
