"""Usage on PostgreSQL: requests a second that one worker's intake counts, and what statistics and activity take.

Batches are given to the intake as the bus gives them, decoded from JSON, ten at a time; the broker is not part of it.
"""

import json
import random
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.usage.assembly import MIGRATIONS
from services.usage.intake import REQUESTS_MAX, Intake
from services.usage.metering import Metering
from services.usage.parked_batches import ParkedBatches
from shared.clock import SystemClock
from shared.database import Database
from shared.migrations import migrate
from shared.times import rfc3339
from tests.servers import Postgres

BATCH_REQUESTS, WORKERS = 1000, 10
SECONDS = 20.0
ROUTES = ("/v1/sensors", "/v1/sensors/{sensor_id}/data", "/v1/events")
STATUSES = (200,) * 18 + (304, 404, 429)


class NoBus:
    def publish(self, type_: str, body: dict[str, Any]) -> None:
        pass


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        postgres = Postgres(Path(name))
        try:
            for keys in (100, 1_000, 50_000):
                _take_in(Database(postgres.new_database()), keys)
        finally:
            postgres.close()


def _take_in(database: Database, keys: int) -> None:
    """Each batch from its JSON, as the consumer gets it."""
    migrate(database, MIGRATIONS)
    clock = SystemClock()
    bus: Any = NoBus()
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
            intake.take({"segment": segment, "start": start, "end": start + 100, "records": body})
            taken[worker] += BATCH_REQUESTS

    began = time.perf_counter()
    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
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


if __name__ == "__main__":
    main()
