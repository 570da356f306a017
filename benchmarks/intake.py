"""What one usage worker's intake counts on PostgreSQL: at a constant rate for a minute, and how far behind it is.

`python -m benchmarks.intake [KEYS]` offers RATE requests a second (0: as many as it takes, to see what bounds it).
Batches are given to the intake as the bus gives them, from their JSON, by as many greenlets as in the worker, and
minutes are rolled up as there; the broker is not part of it, and commits are durable. A batch is behind from the moment
it is due until it is counted.
"""

from shared.messaging.eventlet_patching import cooperate  # isort: skip

cooperate()

# ruff: noqa: E402  everything below must find sockets, locks and threads already patched
import argparse
import json
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import eventlet
import msgspec

from services.usage.assembly import MIGRATIONS
from services.usage.counters.rollup import Rollup
from services.usage.intake.batch_intake import BATCHES_MAX, BatchIntake
from services.usage.intake.metering import Metering
from services.usage.intake.parked_batches import ParkedBatches
from services.usage.service import ROLLUP_SECONDS
from shared.gate.metering.spool_segment import FRAME_BYTES
from shared.runtime.clock import SystemClock
from shared.runtime.garbage import look_seldom_for_garbage
from shared.sql.database import Database
from shared.sql.migrations import migrate
from shared.values.timestamps import rfc3339
from tests.servers import Postgres

BATCH_REQUESTS, WORKERS, GATES = 1000, 20, 4
KEYS, RATE, SECONDS = 1000, 20_000, 60
TEXTS = 60
ROUTES = ("/v1/sensors", "/v1/sensors/{sensor_id}/data", "/v1/events")
STATUSES = (200,) * 18 + (304, 404, 429)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One batch. Seconds since the beginning."""

    due: float
    at: float


class FastBus:
    """Confirms after a millisecond, in which other batches arrive."""

    def publish(self, type_: str, body: dict[str, Any]) -> None:
        eventlet.sleep(0.001)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("keys", type=int, nargs="?", default=KEYS)
    parser.add_argument("--rate", type=int, default=RATE, metavar="RATE")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        postgres = Postgres(Path(name))
        database = Database(postgres.new_database())
        try:
            migrate(database, MIGRATIONS)
            look_seldom_for_garbage()  # as the worker
            began = time.process_time()
            counted = _offer(database, options.keys, options.rate, options.seconds)
            _tell(counted, options.keys, options.rate, time.process_time() - began)
        finally:
            database.close()
            postgres.close()


def _offer(database: Database, keys: int, rate: int, seconds: int) -> list[Counted]:
    """Batch by batch when each is due; behind the times, as fast as they can be taken, until the time is over."""
    clock = SystemClock()
    bus: Any = FastBus()
    intake = BatchIntake(Metering(database), ParkedBatches(database), bus, clock, batches_max=BATCHES_MAX)
    texts = [records(keys, seed) for seed in range(TEXTS)]
    numbers = iter(range(rate * seconds // BATCH_REQUESTS if rate else 10**9))  # shared by all workers
    began = time.perf_counter()
    counted: list[Counted] = []
    cut = [0] * GATES  # where each gate's next batch starts

    def work() -> None:
        for number in numbers:
            now = time.perf_counter() - began
            if now > seconds:
                return
            due = number * BATCH_REQUESTS / rate if rate else now
            eventlet.sleep(max(0.0, due - now))
            body = json.loads(_as_metered_now(texts[number % TEXTS], number))
            start = cut[number % GATES]
            cut[number % GATES] = end = start + sum(FRAME_BYTES + len(msgspec.json.encode(record)) for record in body)
            eventlet.sleep(0)  # as when it came
            intake.take({"segment": f"segment{number % GATES}", "start": start, "end": end, "records": body})
            counted.append(Counted(due=due, at=time.perf_counter() - began))
            eventlet.sleep(0)  # as the worker does when it acknowledges the message

    def roll_up() -> None:
        while True:
            eventlet.sleep(ROLLUP_SECONDS)
            rollup.run()

    rolling_up, rollup = eventlet.spawn(roll_up), Rollup(database, clock)
    pool = eventlet.GreenPool(WORKERS)
    for _ in range(WORKERS):
        pool.spawn_n(work)
    pool.waitall()
    rolling_up.kill()
    return counted


def _tell(counted: list[Counted], keys: int, rate: int, cpu_seconds: float) -> None:
    requests, seconds = len(counted) * BATCH_REQUESTS, max(one.at for one in counted)
    print(
        f"{keys:,} keys, offered {f'{rate:,} a second' if rate else 'without a pause'}: {requests:,} requests counted"
        f" in {seconds:.1f} s, {requests / seconds:,.0f} a second; {cpu_seconds / requests * 1e6:.0f} µs of the"
        " worker's processor each, their JSON included"
    )
    tenth = seconds / 10
    for name, part in (("first", 0), ("second", 1), ("middle", 5), ("last", 9)):
        behind = [one.at - one.due for one in counted if part * tenth <= one.at <= (part + 1) * tenth]
        if rate and behind:
            print(f"  behind, {name} tenth: median {statistics.median(behind):.2f} s, most {max(behind):.2f} s")


def records(keys: int, seed: int) -> str:
    """A batch's, as JSON; NOW and BATCH are to be replaced."""
    chance = random.Random(seed)
    return json.dumps([_record(chance, chance.randrange(keys), place) for place in range(BATCH_REQUESTS)])


def _as_metered_now(text: str, number: int) -> str:
    """A gate numbers its requests, as shared/web/requests/request_identity.py says."""
    batch = f"{number % GATES:016x}{number // GATES:08x}"
    return text.replace("NOW", rfc3339(datetime.now(UTC))).replace("BATCH", batch)


def _record(chance: random.Random, key: int, place: int) -> list[Any]:
    status = chance.choice(STATUSES)
    return [
        f"req_BATCH{place:08x}",
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
