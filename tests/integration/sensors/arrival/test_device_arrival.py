"""Records of a device are accounted for exactly and served at true times, in whatever order and parts they come."""

import os
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.sensors import tables
from services.sensors.accounting.account import Account
from services.sensors.arrival import accounts, held_records
from services.sensors.arrival.record import Record
from services.sensors.ingest.openeew_message import parse
from services.sensors.store.even_times import NS
from services.sensors.store.sample_store import SampleStore
from services.sensors.store.waveform import Segment
from shared.runtime.clock import ManualClock
from shared.sql.clocks.clock_watch import ClockWatch
from shared.sql.database import Database
from tests.device_simulator import Device, Sent, simulate
from tests.examples import LEAPS, NOON
from tests.integration.sensors.arrival.scene import DATABASE, SENSOR_ID, Scene, record, scene

REPOSITORY = Path(__file__).resolve().parents[4]
OPENEEW = Path(os.environ.get("GRILLO_TEST_DATA", REPOSITORY / "../shared/data/openeew")).resolve()
NOW_NS = round(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000_000


def backlog() -> list[Record]:
    lines = (OPENEEW / "odd/backlog.jsonl").read_bytes().splitlines()
    return [one for line in lines for one in parse(line, source="backlog", now_ns=NOW_NS).records]


@pytest.mark.parametrize("order", ["as they came", "shuffled", "one at a time"])
def test_a_backlog_of_one_burst_is_three_segments_at_device_time_and_nothing_is_lost(
    tmp_path: Path, order: str
) -> None:
    records = backlog()
    if order != "as they came":
        random.Random(5).shuffle(records)
    here = scene(tmp_path)
    account = here.take(records, parts=80 if order == "one at a time" else 1)
    assert account == Account(new=7680)
    for channel in ("BNZ", "BN1", "BN2"):
        segments = here.segments(channel)
        assert [segment.samples.size for segment in segments] == [20 * 32, 40 * 32, 20 * 32]
        for segment, first in zip(segments, (0, 20, 60), strict=True):
            in_order = sorted(records, key=lambda one: one.device_ns)
            truth_ns = in_order[first].device_ns + 100_000_000 - round(31 / 31.25 * 1e9)
            assert abs(segment.start_ns - truth_ns) < 20_000_000


def test_all_again_is_repeated_other_values_differ_and_the_first_are_kept(tmp_path: Path) -> None:
    here, records = scene(tmp_path), backlog()
    here.take(records)
    before = here.times_and_values()
    assert here.take(records) == Account(repeated=7680)
    other = Record(
        device_ns=records[3].device_ns,
        cloud_ns=records[3].cloud_ns,
        rate_hz=31.25,
        values=records[3].values + np.array([[0], [0], [7]], dtype=np.int32),
        source="another sender",
    )
    assert here.take([other]) == Account(repeated=64, differing=32)
    assert here.times_and_values() == before
    with here.database.reading() as tx:
        (listed,) = accounts.listed(tx, SENSOR_ID)
        assert accounts.of_sensor(tx, SENSOR_ID).offered == 2 * 7680 + 96
    assert (listed.axis, listed.samples, listed.source) == ("z", 32, "another sender")
    assert (listed.kept, listed.offered) == ((0.0, 31.0), (7.0, 38.0)) or listed.offered[1] - listed.kept[1] == 7


def test_repetitions_and_others_within_one_batch_are_told_too(tmp_path: Path) -> None:
    here = scene(tmp_path)
    records = [record(1.7e9 + 1.024 * n, 1.7e9 + 1.024 * n + 0.2, range(n, n + 32)) for n in range(20)]
    other = record(1.7e9 + 1.024 * 4, 1.7e9 + 4.4, range(32))
    assert here.take([*records, records[7], other]) == Account(new=20 * 96, repeated=96, differing=96)


def test_a_device_s_life_is_the_same_from_a_file_shuffled_and_message_by_message(tmp_path: Path) -> None:
    device = Device(
        seed=11,
        hours=0.5,
        jitter=0.4,
        ppm=80,
        outages=[(600.0, 700.0)],
        settings=[(1000.0, -700.0)],
        repeated=0.03,
        missing=0.01,
    )
    simulation = simulate(device)
    records = [one.record for one in simulation.sent]
    new = len(simulation.distinct) * 96
    shuffled = list(records)
    random.Random(11).shuffle(shuffled)
    served = []
    for name, some, parts in (("file", records, 1), ("shuffled", shuffled, 1), ("messages", records, 60)):
        (tmp_path / name).mkdir()
        here = scene(tmp_path / name)
        assert here.take(some, parts=parts) == Account(new=new, repeated=len(records) * 96 - new)
        served.append(here.segments())
    for segments in served:
        _compare(segments, served[0])
    _true(served[0], simulation.distinct.values(), device)


def test_a_record_that_came_sooner_moves_those_before_it_at_once(tmp_path: Path) -> None:
    """All within one piece of device time: none begins that would draw the line anew."""
    here, begin = scene(tmp_path), 64.0 * 26_562_500 + 5
    late = [record(begin + 1.024 * n, begin + 1.024 * n + 0.9, range(32 * n, 32 * n + 32)) for n in range(20)]
    here.take(late)
    (before,) = here.segments()
    here.take([record(begin + 1.024 * 20, begin + 1.024 * 20 + 0.4, range(640, 672))])
    (after,) = here.segments()
    assert after.samples.tolist() == list(range(672))
    assert before.start_ns - after.start_ns == pytest.approx(500_000_000, abs=4_000_000)


@pytest.mark.parametrize("order", ["as they came", "shuffled", "one at a time"])
def test_a_device_that_samples_at_another_rate_loses_no_sample(tmp_path: Path, order: str) -> None:
    """Its clock goes on; twice as many samples a second come, and then as many as before."""
    here, begin, at = scene(tmp_path), 64.0 * 26_562_500 + 5, 0
    records = []
    for second in range(30):
        size = 64 if 10 <= second < 20 else 32
        whole = record(begin + 1.024 * second, begin + 1.024 * second + 0.2, range(at, at + size))
        records.append(replace(whole, rate_hz=size / 1.024))
        at += size
    if order == "shuffled":
        random.Random(3).shuffle(records)
    assert here.take(records, parts=30 if order == "one at a time" else 1) == Account(new=at * 3)
    segments = here.segments()
    assert [value for segment in segments for value in segment.samples] == list(range(at))
    assert [(segment.samples.size, segment.sample_rate_hz) for segment in segments] == [
        (320, 31.25),
        (640, 62.5),
        (320, 31.25),
    ]
    due_ns = [round((begin + 1.024 * (second - 1)) * NS) + round(NS / hz) for second, hz in ((0, 31.25), (10, 62.5))]
    assert all(abs(one.start_ns - due - NS // 5) < 5_000_000 for one, due in zip(segments, due_ns, strict=False))
    assert here.take(records) == Account(repeated=at * 3)


def test_what_waits_is_durable_not_shown_and_decided_after_a_minute(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    here = scene(tmp_path, clock)
    first = record(1.7e9, 1.7e9 + 0.2, range(32))
    arrived = here.arrival.take(SENSOR_ID, [first])
    assert (arrived.account, arrived.held, here.segments()) == (Account(), 96, [])
    clock.advance(59)
    here.arrival.decide_waiting()
    assert here.segments() == []
    clock.advance(2)
    here.arrival.decide_waiting()
    assert [segment.samples.tolist() for segment in here.segments()] == [list(range(32))]
    with here.database.reading() as tx:
        assert accounts.of_sensor(tx, SENSOR_ID).new == 96


def test_a_backlog_is_shown_after_a_minute_although_its_device_goes_on_sending(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    here, begin = scene(tmp_path, clock), 64.0 * 26_562_500 + 5
    records = [
        record(begin + n, begin + max(n, 41 if n >= 20 else 0) + 0.2, range(32 * n, 32 * n + 32)) for n in range(120)
    ]
    here.arrival.take(SENSOR_ID, records[:20])
    held_ids = []
    for number in range(20, 120):
        here.arrival.take(SENSOR_ID, [records[number]])
        if number > 41:
            clock.advance(1)
            held_ids.append(_held_ids(here))
    assert {len(ids) for ids in held_ids} == {16}  # those over five seconds late, each written once
    assert set(map(tuple, held_ids)) == {tuple(held_ids[0])}
    here.arrival.decide_waiting()
    assert here.times_and_values()[1] == list(range(32 * 120))


def test_what_was_held_later_waits_for_its_own_minute(tmp_path: Path) -> None:
    """The first messages of a clock that was set: decided with an old backlog they would be placed by the old clock."""
    clock = ManualClock(NOON)
    here, begin = scene(tmp_path, clock), 64.0 * 26_562_500 + 5
    here.take([record(begin + n, begin + n + 0.2, range(32 * n, 32 * n + 32)) for n in range(50)])
    late = record(begin + 55, begin + 80, range(32))
    assert here.arrival.take(SENSOR_ID, [late]).held == 96
    clock.advance(59)
    step = [record(begin + n - 3600, begin + n + 0.2, range(32 * n, 32 * n + 32)) for n in range(110, 130)]
    here.arrival.take(SENSOR_ID, step[:2])
    clock.advance(2)
    here.arrival.decide_waiting()
    assert len(_held_ids(here)) == 2
    here.arrival.take(SENSOR_ID, step[2:])
    assert _held_ids(here) == []
    assert [segment.samples.size for segment in here.segments()] == [50 * 32, 32, 20 * 32]


@pytest.mark.parametrize("leap", LEAPS)
def test_what_waits_is_decided_after_its_minute_wherever_the_clock_was_set(tmp_path: Path, leap: timedelta) -> None:
    clock = ManualClock(NOON)
    watch = ClockWatch("sensors", Database.sqlite(tmp_path / DATABASE), tables.clock_reading, clock)
    here = scene(tmp_path, watch.clock)
    watch.tick()
    here.arrival.take(SENSOR_ID, [record(1.7e9, 1.7e9 + 0.2, range(32))])
    clock.set_by(leap)
    here.arrival.take(SENSOR_ID, [record(1.7e9 + 1.024, 1.7e9 + 1.224, range(32, 64))])
    here.arrival.decide_waiting()
    assert here.segments() == []
    clock.set_by(-leap)
    here.arrival.decide_waiting()
    assert here.segments() == []
    clock.advance(61)
    here.arrival.decide_waiting()
    assert [segment.samples.tolist() for segment in here.segments()] == [list(range(64))]


def _held_ids(here: Scene) -> list[int]:
    with here.database.reading() as tx:
        return [held.id for held in held_records.of_sensors(tx, [SENSOR_ID])[SENSOR_ID]]


def test_what_becomes_of_samples_is_measured(tmp_path: Path) -> None:
    here = scene(tmp_path)
    here.take(backlog())
    here.take(backlog()[:2])
    values = {
        sample.labels["outcome"]: sample.value for sample in next(iter(accounts.measured(here.database)())).samples
    }
    assert values == {"new": 7680, "repeated": 192, "differing": 0, "rejected": 0}


def _compare(segments: Sequence[Segment], others: Sequence[Segment]) -> None:
    """The same samples in the same segments, at the same times to half an interval."""
    assert [one.samples.tolist() for one in segments] == [one.samples.tolist() for one in others]
    assert len({one.sample_rate_hz for one in segments}) == 2  # of two eras
    assert all(abs(one.start_ns - other.start_ns) < 16_000_000 for one, other in zip(segments, others, strict=True))


def _true(segments: Sequence[Segment], sent: Iterable[Sent], device: Device) -> None:
    truth = {int(one.record.values[0][-1]): one.true_ns for one in sent}
    for segment in segments:
        for index in range(31, segment.samples.size, 32):
            value = int(segment.samples[index])
            error_ns = segment.time_ns(index) - truth[value] - round(device.least_delay * 1e9)
            assert abs(error_ns) < 40_000_000


def test_many_that_come_again_late_are_looked_up_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a connection was lost a device sends minutes again: what is stored is read once, not once for each."""
    at, reads = scene(tmp_path), list[int]()
    records = [record(1e9 + second, 1e9 + second + 0.3, _noise(second)) for second in range(900)]
    assert at.take(records) == Account(new=900 * 96)

    def counted(*spans: Any, pieces: Any = SampleStore.pieces) -> Any:
        reads.append(1)
        return pieces(*spans)

    monkeypatch.setattr(SampleStore, "pieces", counted)
    again = [replace(one, cloud_ns=one.cloud_ns + (60 + number % 7 * 9) * NS) for number, one in enumerate(records)]
    assert at.take(again) == Account(repeated=900 * 96)
    assert len(reads) <= 10


def _noise(seed: int) -> list[int]:
    draw = random.Random(seed)
    return [draw.randrange(-(10**6), 10**6) for _ in range(32)]
