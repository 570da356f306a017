"""What a day of requests takes on disk: through usage's intake into PostgreSQL, and into SQLite as when embedded.

`python -m benchmarks.requests_on_disk [REQUESTS] [KEYS]`: they are spread over the day before today, batch by batch as
gates send them; minutes are rolled up, and durations folded, as in the worker. Sizes have all indexes in them.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import text

from benchmarks.intake import BATCH_REQUESTS, KEYS, TEXTS, records
from services.usage.assembly import MIGRATIONS
from services.usage.counters.rollup import Rollup
from services.usage.intake.metering import Metering
from shared.contracts.usage import RequestMetered, RequestRecord
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from shared.sql.migrations import migrate
from shared.values.timestamps import rfc3339
from tests.servers import Postgres
from tests.usage_examples import batch

REQUESTS, DAY = 1_000_000, timedelta(days=1)
BATCHES_BETWEEN = 20  # of a transaction, and from one roll-up to the next
_TABLES = text(
    "SELECT CASE WHEN relname LIKE 'request%' THEN 'request' ELSE relname END AS name,"
    " sum(pg_total_relation_size(oid)) AS bytes FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace GROUP BY 1 ORDER BY 2 DESC LIMIT 6"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requests", type=int, nargs="?", default=REQUESTS)
    parser.add_argument("keys", type=int, nargs="?", default=KEYS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with closing(Postgres(folder)) as postgres, closing(Database(postgres.new_database())) as database:
            _fill(database, options.requests, options.keys)
            with database.reading() as tx:
                tables = {row.name: int(row.bytes) for row in tx.execute(_TABLES)}
                whole = int(tx.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
            _tell("PostgreSQL", whole, options.requests, options.keys)
            for table, size in tables.items():
                print(f"  {table}: {size / options.requests:.0f} bytes a request")
        path = folder / "usage.sqlite"
        with closing(Database.sqlite(path)) as database:
            _fill(database, options.requests, options.keys)
        _tell("SQLite", path.stat().st_size, options.requests, options.keys)


def _fill(database: Database, requests: int, keys: int) -> None:
    migrate(database, MIGRATIONS)
    metering, rollup = Metering(database), Rollup(database, SystemClock())
    began = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - DAY
    texts = [records(keys, seed) for seed in range(min(TEXTS, requests // BATCH_REQUESTS))]
    start, waiting = 0, list[RequestMetered]()
    for number in range(requests // BATCH_REQUESTS):
        waiting.append(_batch(texts[number % len(texts)], number, start, began, requests))
        start = waiting[-1].end
        if len(waiting) == BATCHES_BETWEEN:
            _count(metering, rollup, waiting)
            waiting = []
    _count(metering, rollup, waiting)


def _count(metering: Metering, rollup: Rollup, batches: Sequence[RequestMetered]) -> None:
    if batches:
        metering.take_in_all(batches)
        rollup.run()


def _batch(written: str, number: int, start: int, began: datetime, requests: int) -> RequestMetered:
    body = json.loads(written)
    for place, record in enumerate(body):
        record[0] = f"req_{number:024x}{place:08x}"
        record[1] = rfc3339(began + DAY * ((number * BATCH_REQUESTS + place) / requests))
    return batch(*msgspec.convert(body, type=list[RequestRecord]), start=start)


def _tell(store: str, size: int, requests: int, keys: int) -> None:
    day = f"{requests:,} requests of {keys:,} keys in a day"
    print(f"{store}: {day}: {size / 1e6:,.0f} MB, {size / requests:.0f} bytes each")


if __name__ == "__main__":
    main()
