"""The store on PostgreSQL: arrival, sealing by two, late data, new times, verification and deletion."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.sensors.assembly import MIGRATIONS
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.integration.sensors.store.stored_samples import (
    SENSOR_ID,
    START_NS,
    Line,
    Lines,
    StoredSamples,
    records,
    stretch,
)
from tests.servers import Postgres
from tests.service_database import new_service_database

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    database = new_service_database(postgres, MIGRATIONS)
    yield database
    database.close()


def test_samples_are_there_once_whatever_happens_to_them(
    database: Database, tmp_path: Path, clock: ManualClock, lines: Lines
) -> None:
    stored = StoredSamples(database, tmp_path / "samples", clock, lines)
    stored.register()
    stored.add(*stretch(0, 4000))
    clock.advance(300)

    def seal_too(name: str) -> None:
        if name == "read":
            assert stored.sealer().run(hours_max=1) == 0
            stored.add(*records(range(4000, 4002)))

    assert stored.sealer(seal_too).run(hours_max=1) == 1
    assert stored.samples() == list(range(4002 * 32))
    timing = lines.of[1] = Line(offset_ns=10**9)
    with database.transaction() as tx:
        stored.store.lock(tx, SENSOR_ID)
        assert stored.store.retime(tx, SENSOR_ID, 1, timing).hours == 1
    for _ in range(3):
        clock.advance(300)
        stored.sealer().run()
    assert stored.samples() == list(range(4002 * 32))
    assert stored.samples(START_NS, START_NS + 10**9) == []
    clock.advance(3600)
    stored.sweep.run()
    verified = stored.verification.run()
    assert (verified.files, verified.rows, verified.faults, verified.unnamed) == (2, 0, (), ())
    with database.transaction() as tx:
        stored.store.forget(tx, SENSOR_ID)
    assert stored.samples() == []
