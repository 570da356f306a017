"""Usage on PostgreSQL: requests a second that one worker's intake counts, and what statistics and activity take.

Batches are given to the intake as the bus gives them, from their JSON, by ten greenlets as in the worker; the broker
is not part of it. Statistics and activity are asked for without HTTP, and the key's life without RPC, of a key that
has one of ten million requests in 30 days.
"""

import shared.messaging  # isort: skip  first, for it silences eventlet's announcement  # noqa: F401
import eventlet  # isort: skip

eventlet.monkey_patch()

# ruff: noqa: E402  everything below must find sockets, locks and threads already patched
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy import text

from services.usage import durations
from services.usage.activity import EVERYTHING, Activity, Wanted
from services.usage.assembly import MIGRATIONS
from services.usage.intake import REQUESTS_MAX, Intake
from services.usage.keys_client import KeysClient
from services.usage.metering import Metering
from services.usage.moments import DAY_US, microseconds
from services.usage.parked_batches import ParkedBatches
from services.usage.partitions import name as partition
from services.usage.statistics import Statistics, Step
from shared.clock import SystemClock
from shared.database import Database
from shared.migrations import migrate
from shared.times import rfc3339
from tests.servers import Postgres

BATCH_REQUESTS, WORKERS = 1000, 10
SECONDS = 12.0
DAYS, REQUESTS_A_DAY = 30, 333_334
ASKED = 200
ROUTES = ("/v1/sensors", "/v1/sensors/{sensor_id}/data", "/v1/events")
STATUSES = (200,) * 18 + (304, 404, 429)


class FastBus:
    """Confirms after a millisecond, in which other batches arrive."""

    def publish(self, type_: str, body: dict[str, Any]) -> None:
        eventlet.sleep(0.001)


def main(parts: set[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        postgres = Postgres(Path(name))
        try:
            if parts & {"intake"}:
                for keys in (100, 1_000, 50_000):
                    _take_in(Database(postgres.new_database()), keys)
            if parts & {"questions"}:
                _ask(Database(postgres.new_database()))
        finally:
            postgres.close()


def _take_in(database: Database, keys: int) -> None:
    """Each batch from its JSON, as the consumer gets it."""
    migrate(database, MIGRATIONS)
    clock = SystemClock()
    bus: Any = FastBus()
    metering = Metering(database, clock)
    intake = Intake(metering, ParkedBatches(database), bus, clock, requests_max=REQUESTS_MAX)
    texts = [_records(keys, seed) for seed in range(60)]
    numbers = iter(range(10**9))
    end = time.perf_counter() + SECONDS
    taken = [0] * WORKERS

    def work(worker: int) -> None:
        while time.perf_counter() < end:
            number = next(numbers)
            now = rfc3339(datetime.now(UTC))
            body = json.loads(texts[number % len(texts)].replace("NOW", now))
            segment, start = f"segment{number % 4}", number // 4 * 100
            eventlet.sleep(0)  # as when it came
            intake.take({"segment": segment, "start": start, "end": start + 100, "records": body})
            taken[worker] += BATCH_REQUESTS
            eventlet.sleep(0)  # as the worker does when it acknowledges the message

    began = time.perf_counter()
    pool = eventlet.GreenPool(WORKERS)
    for worker in range(WORKERS):
        pool.spawn_n(work, worker)
    pool.waitall()
    seconds = time.perf_counter() - began
    print(f"{keys:,} keys: {sum(taken) / seconds:,.0f} requests a second counted, over {seconds:.0f} s")
    database.close()


def _records(keys: int, seed: int) -> str:
    chance = random.Random(seed)
    return json.dumps([_record(chance, chance.randrange(keys), number) for number in range(BATCH_REQUESTS)])


def _record(chance: random.Random, key: int, number: int) -> list[Any]:
    status = chance.choice(STATUSES)
    return [
        f"req_{chance.getrandbits(96):024x}",
        "NOW",
        f"key_{key:022}",
        f"org_{key % 20:022}",
        "GET",
        chance.choice(ROUTES),
        status,
        0 if status == 429 else 1,
        int(chance.lognormvariate(8, 1)),
        chance.randrange(20_000),
        f"192.0.2.{key % 250}",
        "python-requests/2.32",
    ]


def _ask(database: Database) -> None:
    migrate(database, MIGRATIONS)
    now = datetime.now(UTC)
    began = time.perf_counter()
    _load(database, microseconds(now) // DAY_US)
    print(f"{DAYS * REQUESTS_A_DAY:,} requests stored in {time.perf_counter() - began:.0f} s")
    key_id, organisation_id = f"key_{0:022}", f"org_{0:022}"
    counted, activity = Statistics(database), Activity(database, cast("KeysClient", _NoLife()))
    start = now - timedelta(days=DAYS)
    middle = activity.page(organisation_id, key_id, 1, Wanted(end=now - timedelta(days=15))).next_place
    some = activity.page(organisation_id, key_id, 100, Wanted(end=now - timedelta(days=20))).entries
    names = [entry.request.request_id for entry in some if entry.request]
    questions: dict[str, Callable[[int], object]] = {
        "statistics of a key, 30 days by day": lambda _: counted.summary(key_id, start, now, Step.DAY),
        "statistics of a key, 30 days by hour": lambda _: counted.summary(key_id, start, now, Step.HOUR),
        "statistics of the organisation, 30 days by day": lambda _: counted.of_organisation(
            organisation_id, start, now, Step.DAY
        ),
        "its keys compared": lambda _: counted.by_key(organisation_id, start, now, Step.DAY),
        "quota used": lambda _: counted.used(key_id, now),
        "activity, first page": lambda _: activity.page(organisation_id, key_id, 20),
        "activity, a page of 15 days ago": lambda _: activity.page(organisation_id, key_id, 20, EVERYTHING, middle),
        "activity, refusals only": lambda _: activity.page(organisation_id, key_id, 20, Wanted(statuses=(400, 499))),
        "activity, one request by its id": lambda number: activity.page(
            organisation_id, key_id, 20, Wanted(request_id=names[number % len(names)])
        ),
    }
    for what, ask in questions.items():
        took = []
        for number in range(ASKED):
            asked = time.perf_counter()
            ask(number)
            took.append((time.perf_counter() - asked) * 1000)
        quantiles = statistics.quantiles(took, n=20)
        print(f"{what}: p50 {quantiles[9]:.1f} ms, p95 {quantiles[18]:.1f} ms")
    database.close()


def _load(database: Database, today: int) -> None:
    """Made by the database itself, a tenth of all for one key of a thousand; counters by what they are defined as."""
    sketch = durations.to_bytes({number: number % 7 + 1 for number in range(180, 330)})
    with database.transaction() as tx:
        for day in range(today - DAYS + 1, today + 1):
            table, start = partition(day), day * DAY_US
            tx.execute(text(f"CREATE TABLE {table} (LIKE request INCLUDING DEFAULTS)"))
            tx.execute(text(_ROWS.format(table=table)), {"start": start, "rows": REQUESTS_A_DAY})
            bounds = f"FROM ({start}) TO ({start + DAY_US})"
            tx.execute(text(f"ALTER TABLE request ATTACH PARTITION {table} FOR VALUES {bounds}"))
        for owner, prefix in (("key_id", ""), ("organisation_id", "organisation_")):
            tx.execute(text(_HOURS.format(owner=owner, table=f"{prefix}counter_hour")))
            tx.execute(text(_DURATIONS.format(owner=owner, prefix=prefix)), {"sketch": sketch})
        tx.execute(text(_DAYS))
        tx.execute(text("INSERT INTO known_key SELECT DISTINCT key_id, organisation_id, 'grl_0000…0000' FROM request"))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


_ROWS = """
    INSERT INTO {table} (at, key_id, organisation_id, request_id, method, route, status, cost, duration_us, size,
                         address, user_agent)
    SELECT :start + n * (86400000000 / :rows),
           'key_' || lpad(CASE WHEN n % 10 = 0 THEN 0 ELSE n % 1000 END::text, 22, '0'),
           'org_' || lpad((CASE WHEN n % 10 = 0 THEN 0 ELSE n % 1000 END % 20)::text, 22, '0'),
           'req_' || md5((:start + n)::text), 'GET',
           (ARRAY['/v1/sensors', '/v1/sensors/a/data', '/v1/events'])[n % 3 + 1],
           (ARRAY[200, 200, 200, 200, 200, 200, 304, 404, 429])[(n / 10) % 9 + 1], 1, 100 + n % 100000, n % 20000,
           '192.0.2.7', 'python-requests/2.32'
    FROM generate_series(0, :rows - 1) AS n
"""
_HOURS = """
    INSERT INTO {table} ({owner}, minute, route, status, requests, cost, size)
    SELECT {owner}, at / 3600000000 * 60 AS began, route, status, count(*), sum(cost), sum(size)
    FROM request GROUP BY {owner}, began, route, status
"""
_DURATIONS = """
    INSERT INTO {prefix}duration SELECT DISTINCT {owner}, minute, CAST(:sketch AS bytea) FROM {prefix}counter_hour
"""
_DAYS = """
    INSERT INTO counter_day (key_id, minute, requests, cost, size)
    SELECT key_id, minute / 1440 * 1440 AS began, sum(requests), sum(cost), sum(size)
    FROM counter_hour GROUP BY key_id, began
"""


class _NoLife:
    def history(self, organisation_id: str, key_id: str) -> list[Any]:
        return []


if __name__ == "__main__":
    main(set(sys.argv[1:]) or {"intake", "questions"})
