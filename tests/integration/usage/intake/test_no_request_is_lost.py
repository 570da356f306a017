"""Every answered request is counted exactly once: answered ⊆ counted ⊆ sent, across SIGKILL and a bad broker."""

import functools
import os
import random
import signal
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from services.usage import tables
from services.usage.assembly import MIGRATIONS
from services.usage.intake.metering import Metering
from shared.contracts.usage import RequestMetered, RequestRecord
from shared.gate.metering import meter as meter_module
from shared.gate.metering.meter import Meter
from shared.gate.metering.pace import REPUBLISH_SECONDS_MAX
from shared.runtime.clock import ManualClock, SystemClock
from shared.sql.database import Database
from tests.examples import NOON
from tests.service_database import migrated

PROCESSES = 3
_NUMBER = struct.Struct("<I")


class DiskBus:
    """A broker that outlives its publishers: each batch is a line of a file."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def publish(self, batch: bytes) -> None:
        os.write(self._file, batch + b"\n")


class LossyRoad:
    """Drops, repeats and reorders what goes over it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._under_way: list[Any] = []

    def send(self, message: Any) -> None:
        if self._random.random() >= 0.4:
            self._under_way += [message] * self._random.choice([1, 1, 2, 3])

    def arrived(self) -> list[Any]:
        self._random.shuffle(self._under_way)
        number = self._random.randint(0, len(self._under_way))
        arrived, self._under_way = self._under_way[:number], self._under_way[number:]
        return arrived


def record(request_id: str) -> RequestRecord:
    return RequestRecord(
        request_id=request_id,
        at=NOON,
        key_id="key_a",
        organisation_id="org_railway",
        method="GET",
        route="/v1/sensors",
        status=200,
        cost=1,
        duration_us=1,
        size=1,
        address="192.0.2.7",
        user_agent="",
    )


@pytest.mark.parametrize("seed", range(5))
def test_requests_of_killed_processes_are_counted_once_each(seed: int, tmp_path: Path, database: Database) -> None:
    migrated(database, MIGRATIONS)
    chance, folder, broker = random.Random(seed), tmp_path / "spool", tmp_path / "broker"
    answered: set[str] = set()
    for number in range(PROCESSES):
        ship_every = chance.choice([50, 400, 10**9])
        answered |= _answered_before_a_kill(
            functools.partial(_answer, folder, broker, number, ship_every),
            f"{number}-",
            after=chance.randint(0, 1500),
        )
    _count_everything(folder, broker, Metering(database), seed)
    with database.reading() as tx:
        counted = Counter(tx.execute(select(tables.request.c.request_id)).scalars())
        by_counters = sum(tx.execute(select(tables.counter.c.requests)).scalars())
    assert set(counted.values()) <= {1}
    assert answered <= counted.keys()
    unanswered = counted.keys() - answered
    assert len(unanswered) <= PROCESSES  # at most the one each was killed over
    assert by_counters == len(counted)
    assert list(folder.glob("*.extents")) == []


def _answer(folder: Path, broker: Path, process: int, ship_every: int, pipe: int) -> None:
    """A web process: records a request, then answers it, thousands of times; publishes in between."""
    meter_module.BATCH_BYTES = 4096
    meter = Meter(folder, DiskBus(broker), SystemClock())
    for number in range(100_000):
        meter.record(record(f"{process}-{number}"))
        os.write(pipe, _NUMBER.pack(number))
        if number % ship_every == ship_every - 1:
            meter.ship()


def _answered_before_a_kill(run: Callable[[int], None], prefix: str, *, after: int) -> set[str]:
    """Forks, kills once `after` answers have come, and returns all that came."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            run(writing)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as answers:
        came = answers.read(after * _NUMBER.size)
        os.kill(child, signal.SIGKILL)
        came += answers.read()
    os.waitpid(child, 0)
    whole = len(came) - len(came) % _NUMBER.size
    return {f"{prefix}{number}" for (number,) in _NUMBER.iter_unpack(came[:whole])}


def _count_everything(folder: Path, broker: Path, metering: Metering, seed: int) -> None:
    """Two later processes adopt, over a road that loses batches and answers, until all is known to be counted."""
    clock, there, back = ManualClock(NOON), LossyRoad(seed), LossyRoad(seed + 1)
    meters = [Meter(folder, _OverTheRoad(there), clock) for _ in range(2)]
    for line in broker.read_bytes().splitlines() if broker.exists() else []:
        there.send(msgspec.json.decode(line))
    for _ in range(200):
        for meter in meters:
            meter.adopt()
            meter.ship()
        for batch in there.arrived():
            metering.take_in(msgspec.convert(batch, type=RequestMetered))
            back.send((batch["segment"], batch["start"]))
        for counted in back.arrived():
            for meter in meters:
                meter.counted((counted,))
        clock.advance(REPUBLISH_SECONDS_MAX)
        if all(meter.is_settled() for meter in meters):
            for meter in meters:
                meter.ship()
            return
    pytest.fail("not everything was counted")


class _OverTheRoad:
    def __init__(self, road: LossyRoad) -> None:
        self._road = road

    def publish(self, batch: bytes) -> None:
        self._road.send(msgspec.json.decode(batch))
