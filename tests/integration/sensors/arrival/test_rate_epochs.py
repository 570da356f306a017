"""Rates that are stated: all of an era has that of its first two hours, in whatever order they came, until a crystal
goes off; from there on what is stored states another, to the sample.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from services.sensors import assembly
from services.sensors.arrival import accounts
from services.sensors.arrival.device_arrival import DeviceArrival
from services.sensors.arrival.record import Record
from services.sensors.samples import open_samples
from services.sensors.store.waveform import Segment
from shared.runtime.clock import ManualClock, SystemClock
from tests.device_simulator import Device, simulate
from tests.examples import NOON
from tests.integration.sensors.arrival.scene import SENSOR_ID, Scene, opened, register, scene
from tests.killed import Steps, at_each_step
from tests.servers import Postgres
from tests.service_database import new_service_database

STAMP_NS = 1_000_000
SIMULATION = simulate(
    # Two hours as it was, and then until the line can be drawn on behind the first window.
    Device(seed=5, hours=6.6, samples=320, jitter=0.05, ppm=-20, wander_ppm=0, drift=(7560, 12), repeated=0.02)
)


def seal(here: Scene) -> None:
    while here.samples.sealer.run(settled=False):
        pass


def sealed(here: Scene, records: Sequence[Record], parts: int, *, between: bool) -> Scene:
    """`between`: whatever is there is sealed as records come."""
    size = -(-len(records) // parts)
    for first in range(0, len(records), size):
        here.arrival.take(SENSOR_ID, records[first : first + size])
        if between:
            seal(here)
    here.arrival.decide(SENSOR_ID)
    seal(here)
    return here


def told(segments: Sequence[Segment]) -> list[tuple[float, list[int]]]:
    return [(one.sample_rate_hz, one.samples.tolist()) for one in segments]


def check_same(here: Scene, other: Scene) -> None:
    expected, found = other.segments(), here.segments()
    assert told(found) == told(expected)
    for one, another in zip(found, expected, strict=True):
        assert abs(one.start_ns - another.start_ns) <= 2 * STAMP_NS
    assert here.samples.verification.run().faults == ()


def in_order() -> list[Record]:
    return [one.record for one in SIMULATION.sent]


def shuffled() -> list[Record]:
    records = in_order()
    random.Random(5).shuffle(records)
    return records


def halves() -> list[Record]:
    """The second half first: the era's first two hours are others in the end."""
    records = in_order()
    return [*records[len(records) // 2 :], *records[: len(records) // 2]]


@pytest.fixture(scope="module")
def from_a_file(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return sealed(scene(tmp_path_factory.mktemp("file")), in_order(), 1, between=False)


def test_one_epoch_begins_and_no_sample_is_missing_or_moved(from_a_file: Scene) -> None:
    before, after = from_a_file.segments()
    assert before.sample_rate_hz == pytest.approx(31.3155 / (1 - 20e-6), rel=1e-6)
    assert after.sample_rate_hz == pytest.approx(31.3155 / (1 - 8e-6), rel=2e-6)
    numbers = sorted(int(value) for one in SIMULATION.distinct.values() for value in one.record.values[0])
    assert [*before.samples.tolist(), *after.samples.tolist()] == numbers
    least_ns = round(SIMULATION.device.least_delay * 1e9)
    truth = {int(one.record.values[0][-1]): one.true_ns + least_ns for one in SIMULATION.distinct.values()}
    # By the samples' own records, as they are served: a segment's rate over hours adds what it is off.
    at_ns = dict(zip(*reversed(from_a_file.times_and_values()), strict=True))
    hour = {number: ns for number, ns in truth.items() if ns - before.start_ns < 3600 * 10**9}
    assert max(abs(at_ns[number] - ns) for number, ns in hour.items()) < 16_000_000
    with from_a_file.database.reading() as tx:
        assert accounts.of_sensor(tx, SENSOR_ID).new == 3 * len(numbers)
    assert from_a_file.samples.verification.run().faults == ()


@pytest.mark.parametrize(
    ("records", "parts"), [(in_order(), 40), (shuffled(), 6), (halves(), 6)], ids=["live", "shuffled", "halves"]
)
def test_it_begins_at_the_same_sample_whatever_came_first_and_was_sealed_between(
    tmp_path: Path, from_a_file: Scene, records: Sequence[Record], parts: int
) -> None:
    check_same(sealed(scene(tmp_path), records, parts, between=True), from_a_file)


@pytest.fixture
def on_postgresql(postgres: Postgres, tmp_path: Path) -> Iterator[Scene]:
    database, clock = new_service_database(postgres, assembly.MIGRATIONS), SystemClock()
    register(database, SENSOR_ID)
    samples = open_samples(database, tmp_path / "samples", clock)
    yield Scene(database=database, samples=samples, arrival=DeviceArrival(database, samples.store, clock))
    database.close()


@pytest.mark.xdist_group("postgres")
def test_it_does_so_on_postgresql(on_postgresql: Scene, from_a_file: Scene) -> None:
    check_same(sealed(on_postgresql, in_order(), 3, between=True), from_a_file)


def test_killed_after_any_write_while_it_begins_it_begins_when_that_is_done_again(
    tmp_path: Path, from_a_file: Scene
) -> None:
    before, copies = tmp_path / "before", tmp_path / "copies"
    before.mkdir()
    copies.mkdir()
    here, records = scene(before, ManualClock(NOON)), in_order()
    most = len(records) * 9 // 10
    here.arrival.take(SENSOR_ID, records[:most])
    seal(here)
    assert len(here.segments()) == 1
    here.arrival.take(SENSOR_ID, records[most:])
    here.arrival.decide(SENSOR_ID)
    here.database.close()

    def work(folder: Path, _steps: Steps) -> None:
        opened(folder, ManualClock(NOON)).samples.sealer.run(settled=False, hours_max=1)

    ended = at_each_step(before, copies, work)
    assert len(ended) > 10
    begun = 0
    for folder in ended:
        there = opened(folder, ManualClock(NOON + timedelta(hours=1)))  # nobody is at it any more
        assert there.samples.verification.run().faults == ()
        begun += len(there.segments()) > 1
        seal(there)
        check_same(there, from_a_file)
        there.database.close()
    assert 0 < begun < len(ended)


def steady(seed: int, from_hour: float, to_hour: float) -> tuple[list[Record], float]:
    """Of a crystal that stays as it is; and how many records an hour has."""
    device = Device(seed=seed, hours=to_hour, samples=320, wander_ppm=3)
    of_hour = 3600 * device.device_hz / device.samples
    return [one.record for one in simulate(device).sent][round(from_hour * of_hour) :], of_hour


def check_all_has_one_rate(folder: Path, first: Sequence[Record], then: Sequence[Record]) -> None:
    one, other = folder / "one", folder / "other"
    one.mkdir()
    other.mkdir()
    here, in_order_of_coming = scene(one), sorted([*first, *then], key=lambda record: record.cloud_ns)
    for records in (first, then):
        here.arrival.take(SENSOR_ID, records)
        seal(here)
    here.arrival.decide(SENSOR_ID)
    seal(here)
    check_same(here, sealed(scene(other), in_order_of_coming, 1, between=False))
    assert len(here.segments()) == 1


def test_what_comes_late_of_the_first_two_hours_rates_all_of_the_era_anew(tmp_path: Path) -> None:
    """Also hours that are too far away for its line, which were sealed."""
    records, of_hour = steady(2, 0, 4.5)
    late = slice(round(0.5 * of_hour), round(2 * of_hour))
    check_all_has_one_rate(tmp_path, [*records[: late.start], *records[late.stop :]], records[late])


def test_messages_behind_the_first_two_hours_that_their_line_is_drawn_with_rate_them_anew(tmp_path: Path) -> None:
    """Though the hour in which those end was sealed minutes after."""
    records, of_hour = steady(1, 2.72, 5.9)
    so_far = round((4.81 - 2.72) * of_hour)
    check_all_has_one_rate(tmp_path, records[:so_far], records[so_far:])
