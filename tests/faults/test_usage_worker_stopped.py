"""The usage worker is away for a minute of 2,000 requests a second: none is lost, and it catches up while they go on.

How fast is reported with the results and not judged here: three times that rate is wanted, on a machine that is quiet.

The requests are recorded by a gate's meter, from its spool on as in a web process: to make so many by HTTP would take
the processors that the worker is measured on. That callers notice nothing is shown by test_gates_out_of_reach.py: there
the broker is away, which is worse.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func, select

from services.usage import tables
from services.usage.assembly import MIGRATIONS
from services.usage.rebuild import rebuild
from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.e2e.running import eventually
from tests.faults.usage_alone import Gate, Worker

REQUESTS_A_SECOND = 2000
A_MINUTE_OF_THEM = 60 * REQUESTS_A_SECOND
pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(300)]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    migrate(database, MIGRATIONS)
    yield database
    database.close()


def test_after_a_minute_without_its_worker_every_request_is_counted_once_while_more_come(
    worker: Worker, gate: Gate, database: Database, record_testsuite_property: Callable[[str, object], None]
) -> None:
    unmetered = REGISTRY.get_sample_value("grillo_meter_unmetered_total")
    with gate.recording(REQUESTS_A_SECOND):
        eventually(lambda: _counted(database), bool, seconds=60)
        worker.stop()
        recorded, before = len(gate.recorded), _counted(database)
        eventually(lambda: len(gate.recorded) - recorded, lambda more: more >= A_MINUTE_OF_THEM, seconds=150, every=1)
        assert _counted(database) == before
        worker.start()
        began_with = eventually(lambda: _counted(database), lambda counted: counted > before, seconds=90)
        began_at = time.monotonic()
        eventually(
            lambda: len(gate.recorded) - _counted(database), lambda behind: behind < REQUESTS_A_SECOND, seconds=90
        )
        caught_up_at = (_counted(database) - began_with) / (time.monotonic() - began_at)
    record_testsuite_property("usage_caught_up_at_requests_a_second", round(caught_up_at))
    eventually(gate.meter.is_settled, bool, seconds=60, every=0.2)
    with database.reading() as tx:
        counted = Counter(tx.execute(select(tables.request.c.request_id)).scalars())
    assert counted == Counter(gate.recorded)
    assert REGISTRY.get_sample_value("grillo_meter_unmetered_total") == unmetered
    assert [rebuilt for rebuilt in rebuild(database) if rebuilt.differences] == []


def _counted(database: Database) -> int:
    days = tables.counter_day
    with database.reading() as tx:
        return int(tx.execute(select(func.coalesce(func.sum(days.c.requests), 0))).scalar_one())
