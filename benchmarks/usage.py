"""What statistics and activity take on PostgreSQL: of a key that has one of ten million requests in 30 days.

`python -m benchmarks.usage [REQUESTS]`. Asked for without HTTP, and the key's life without RPC. Requests and counters
are made in the database, which writes nothing durably until it is loaded; what is timed only reads, as PostgreSQL is by
default.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import psycopg
from sqlalchemy import text

from services.usage.activity.timeline import EVERYTHING, ActivityFilter, ActivityTimeline
from services.usage.assembly import MIGRATIONS
from services.usage.counters import latency_sketch as durations
from services.usage.counters.statistics import Statistics, Step
from services.usage.known_keys.keys_client import KeysClient
from services.usage.requests.partitions import name as partition
from shared.sql.database import Database
from shared.sql.migrations import migrate
from shared.values.timestamps import DAY_US, to_microseconds
from tests.servers import Postgres

DAYS, REQUESTS = 30, 10_000_000
ASKED, LOADING = 200, 2
HOUR_OF_REQUESTS = {bucket: bucket % 7 + 1 for bucket in range(180, 330)}
NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "16GB",
    "maintenance_work_mem": "512MB",
    "work_mem": "256MB",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requests", type=int, nargs="?", default=REQUESTS)
    requests = parser.parse_args().requests
    with tempfile.TemporaryDirectory() as name:
        postgres = Postgres(Path(name))
        try:
            _set(postgres, NOT_DURABLE)
            url = postgres.new_database()
            _prepare(Database(url), requests)
            _set(postgres, dict.fromkeys(NOT_DURABLE))
            _ask(Database(url))
        finally:
            postgres.close()


def _set(postgres: Postgres, settings: dict[str, str] | dict[str, None]) -> None:
    """None: as PostgreSQL has it by default, which is what is measured."""
    with psycopg.connect(postgres.address(), autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(f"ALTER SYSTEM {f'SET {name} = {value!r}' if value else f'RESET {name}'}")
    postgres.stop()
    postgres.start()


def _prepare(database: Database, requests: int) -> None:
    migrate(database, MIGRATIONS)
    began = time.perf_counter()
    _load(database, datetime.now(UTC), requests)
    print(f"{requests:,} requests of 30 days stored in {time.perf_counter() - began:.0f} s", flush=True)
    database.close()


def _ask(database: Database) -> None:
    now = datetime.now(UTC)
    key_id, organisation_id = f"key_{0:022}", f"org_{0:022}"
    counted, activity = Statistics(database), ActivityTimeline(database, cast("KeysClient", _NoLife()))
    start = now - timedelta(days=DAYS)
    middle = activity.page(organisation_id, key_id, 1, ActivityFilter(end=now - timedelta(days=15))).next_place
    some = activity.page(organisation_id, key_id, 100, ActivityFilter(end=now - timedelta(days=20))).entries
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
        "activity, refusals only": lambda _: activity.page(
            organisation_id, key_id, 20, ActivityFilter(statuses=(400, 499))
        ),
        "activity, one request by its id": lambda number: activity.page(
            organisation_id, key_id, 20, ActivityFilter(request_id=names[number % len(names)])
        ),
    }
    for what, ask in questions.items():
        took = []
        began = time.process_time()
        for number in range(ASKED):
            asked = time.perf_counter()
            ask(number)
            took.append((time.perf_counter() - asked) * 1000)
        processor = (time.process_time() - began) * 1000 / ASKED
        quantiles = statistics.quantiles(took, n=20)
        print(f"{what}: p50 {quantiles[9]:.1f} ms, p95 {quantiles[18]:.1f} ms (our own processor time {processor:.1f})")
    database.close()


def _load(database: Database, now: datetime, requests: int) -> None:
    """A tenth of all for one key, the rest for 180 others, evenly up to now."""
    end = to_microseconds(now)
    step = DAYS * DAY_US // requests
    first = end - requests * step
    days = range(first // DAY_US, end // DAY_US + 1)

    def load_day(day: int) -> None:
        start, stop = max(first, day * DAY_US), min(end, (day + 1) * DAY_US)
        numbers = {
            "first": first,
            "step": step,
            "from": -(-(start - first) // step),
            "to": -(-(stop - first) // step) - 1,
        }
        with database.transaction() as tx:
            tx.execute(text(f"CREATE TABLE {partition(day)} (LIKE request INCLUDING DEFAULTS)"))
            tx.execute(text(_ROWS.format(table=partition(day))), numbers)
            for index in _INDEXES:
                tx.execute(text(index.format(table=partition(day))))

    with ThreadPoolExecutor(LOADING) as pool:
        list(pool.map(load_day, days))
    with database.transaction() as tx:
        for day in days:
            bounds = f"FROM ({day * DAY_US}) TO ({(day + 1) * DAY_US})"
            tx.execute(text(f"ALTER TABLE request ATTACH PARTITION {partition(day)} FOR VALUES {bounds}"))
        for statement, parameter in _counters(end).items():
            tx.execute(text(statement), parameter)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


_ROWS = """
    INSERT INTO {table} (at, key_id, organisation_id, request_id, method, route, status, cost, duration_us, size,
                         address, user_agent)
    SELECT :first + n::bigint * :step, 'key_' || lpad(key::text, 22, '0'), 'org_' || lpad((key % 20)::text, 22, '0'),
           'req_' || md5((:first + n)::text), 'GET',
           (ARRAY['/v1/sensors', '/v1/sensors/a/data', '/v1/events'])[n / 10 % 3 + 1],
           coalesce((ARRAY[304, 404, 429])[n / 30 % 20 + 1], 200), 1, 100 + n % 100000, n % 20000,
           '192.0.2.7', 'python-requests/2.32'
    FROM (SELECT n, CASE WHEN n % 10 = 0 THEN 0 ELSE n % 200 END AS key
          FROM generate_series(:from ::int, :to ::int) AS n) AS one
"""
# As the migrations have them; those that are there when a partition is attached are taken as they are.
_INDEXES = (
    "CREATE INDEX ON {table} (key_id, at) WHERE key_id IS NOT NULL",
    "CREATE INDEX ON {table} USING hash (request_id)",
    "CREATE INDEX ON {table} USING brin (at) WITH (autosummarize = on)",
)


def _counters(now: int) -> dict[str, dict[str, object]]:
    """Statements, each with its parameters."""
    hour: dict[str, object] = {"sketch": durations.to_bytes(HOUR_OF_REQUESTS)}
    day: dict[str, object] = {
        "sketch": durations.to_bytes({bucket: 24 * each for bucket, each in HOUR_OF_REQUESTS.items()})
    }
    return {
        "CREATE TEMP TABLE counted ON COMMIT DROP AS"
        " SELECT key_id, organisation_id, at / 3600000000 * 60 AS minute, route, status,"
        " count(*) AS requests, sum(cost) AS cost, sum(size) AS size FROM request GROUP BY 1, 2, 3, 4, 5": {},
        "INSERT INTO counter_hour"
        " SELECT key_id, minute, route, status, requests, cost, size FROM counted ORDER BY 1, 2": {},
        "INSERT INTO organisation_counter_hour"
        " SELECT organisation_id, minute, route, status, sum(requests), sum(cost), sum(size)"
        " FROM counted GROUP BY 1, 2, 3, 4 ORDER BY 1, 2": {},
        "INSERT INTO counter_day SELECT key_id, minute / 1440 * 1440, sum(requests), sum(cost), sum(size),"
        " sum(CASE WHEN status BETWEEN 400 AND 499 THEN requests ELSE 0 END)"
        " FROM counted GROUP BY 1, 2 ORDER BY 1, 2": {},
        "INSERT INTO counter SELECT key_id, at / 60000000, route, status, count(*), sum(cost), sum(size)"
        " FROM request WHERE at > :recent GROUP BY 1, 2, 3, 4": {"recent": now - 7_200_000_000},
        "UPDATE rolled_up SET before = (SELECT max(minute) + 1 FROM counter)": {},
        "INSERT INTO duration SELECT DISTINCT key_id, minute, CAST(:sketch AS bytea) FROM counted": hour,
        "INSERT INTO duration_day"
        " SELECT DISTINCT key_id, minute / 1440 * 1440, CAST(:sketch AS bytea) FROM counted": day,
        "INSERT INTO organisation_duration"
        " SELECT DISTINCT organisation_id, minute, CAST(:sketch AS bytea) FROM counted": hour,
        "INSERT INTO organisation_duration_day"
        " SELECT DISTINCT organisation_id, minute / 1440 * 1440, CAST(:sketch AS bytea) FROM counted": day,
        "INSERT INTO known_key SELECT DISTINCT key_id, organisation_id, 'grl_0000…0000' FROM counted": {},
    }


class _NoLife:
    def history(self, organisation_id: str, key_id: str) -> list[Any]:
        return []


if __name__ == "__main__":
    main()
