"""From what raises an alert to the webhook's arrival; and what evaluation costs on PostgreSQL.

`python -m benchmarks.alerts [crossing|leaked|cost]`: the crossing of a threshold, embedded; a secret that was rotated
away and is sent again, embedded and with the services apart. No other load, one new key a round. The cost: batches of
requests of a thousand keys, taken in as usage does, then evaluated; the share of evaluation is what the rules add to
the counting.
"""

import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import insert

from services.auth.tier_limits import TIERS
from services.usage import assembly, tables
from services.usage.alerting.evaluation.evaluator import Evaluator
from services.usage.alerting.rules.rule_store import make_defaults
from services.usage.intake.metering import Metering
from shared.contracts.usage import RequestMetered, RequestRecord
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.e2e.running import Distributed, Embedded, System, eventually
from tests.receivers import Receiver, receiver, status
from tests.servers import Postgres, RabbitMq, Redis
from tests.stack import Stack

ROUNDS = 40
LIMIT, THRESHOLD = 20, 16
BATCHES_A_LOOK = 4  # 20,000 requests a second, looked at every 0.2 s
KEYS, BATCHES, BATCH_REQUESTS = 1000, 60, 1000


def main(*parts: str) -> None:
    measures = {"crossing": _measure_crossing, "leaked": _measure_leaked, "cost": _measure_cost}
    for part in parts or measures:
        with tempfile.TemporaryDirectory() as name:
            measures[part](Path(name))


def _measure_crossing(folder: Path) -> None:
    with Embedded(folder / "data") as system:
        _measure_delays("crossing to arrival, embedded", system, "quota", _crossed_at)


def _measure_leaked(folder: Path) -> None:
    with Embedded(folder / "data") as system:
        _measure_delays("leaked secret to arrival, embedded", system, "dead-key-used", _leaked_at)
    postgres, rabbitmq, redis = Postgres(folder), RabbitMq(folder), Redis(folder)
    try:
        with contextlib.closing(Stack(folder / "stack", postgres, rabbitmq, redis)) as stack:
            _measure_delays("leaked secret to arrival, services apart", Distributed(stack), "dead-key-used", _leaked_at)
    finally:
        for server in (redis, rabbitmq, postgres):
            server.close()


def _measure_delays(
    what: str, system: System, kind: str, happened_at: Callable[[System, httpx.Client, Any], float]
) -> None:
    """`happened_at`: makes what an alert of this kind is about with a new key, and says when."""
    delays = []
    with receiver(status(200)) as hook, system.admin() as admin:
        admin.post("/v1/channels", json={"kind": "webhook", "url": hook.url()}).raise_for_status()
        for number in range(ROUNDS):
            body = {"name": f"Key {number}", "permissions": ["sensors:read"], "limits": {"minute": LIMIT}}
            key = admin.post("/v1/keys", json=body).raise_for_status().json()
            at = happened_at(system, admin, key)
            delays.append(_arrived_at(hook, f'"{kind}"', key["id"]) - at)
            admin.delete(f"/v1/keys/{key['id']}").raise_for_status()
    delays.sort()
    p95 = delays[round(0.95 * ROUNDS) - 1]
    print(
        f"{what}, {ROUNDS} alerts: p50 {statistics.median(delays) * 1000:.0f} ms, "
        f"p95 {p95 * 1000:.0f} ms, most {delays[-1] * 1000:.0f} ms"
    )


def _arrived_at(hook: Receiver, *words: str) -> float:
    """When the first message that has them all arrived."""

    def messages() -> list[float]:
        return [one.at for one in hook.received if all(word in one.body for word in words)]

    return eventually(messages, bool, every=0.005)[0]


def _crossed_at(system: System, _admin: httpx.Client, key: Any) -> float:
    with system.client(key["key"]) as client:
        for _ in range(THRESHOLD):
            client.get("/v1/sensors?limit=1").raise_for_status()
    return time.time()


def _leaked_at(system: System, admin: httpx.Client, key: Any) -> float:
    admin.post(f"/v1/keys/{key['id']}/rotate", json={}).raise_for_status()
    with system.client(key["key"]) as thief:
        at = time.time()
        assert thief.get("/v1/sensors?limit=1").status_code == httpx.codes.UNAUTHORIZED
    return at


def _measure_cost(folder: Path) -> None:
    postgres = Postgres(folder)
    database = Database(postgres.new_database())
    try:
        migrate(database, assembly.MIGRATIONS)
        _write_keys(database)
        metering, evaluator = Metering(database), Evaluator(database, TIERS, _no_label, SystemClock())
        taking_in = evaluating = 0.0
        raised = 0
        for number in range(BATCHES):
            batch = _batch(number)
            began = time.perf_counter()
            metering.take_in(batch)
            taken_in = time.perf_counter()
            taking_in += taken_in - began
            if number % BATCHES_A_LOOK == BATCHES_A_LOOK - 1:
                raised += evaluator.run()
                evaluating += time.perf_counter() - taken_in
    finally:
        database.close()
        postgres.close()
    requests = BATCHES * BATCH_REQUESTS
    print(
        f"{requests:,} requests of {KEYS:,} keys on PostgreSQL: taken in at {requests / taking_in:,.0f} a second, "
        f"evaluated at {requests / evaluating:,.0f} a second, {raised:,} alerts raised"
    )


def _no_label(*_: str) -> bool:
    return False


def _write_keys(database: Database) -> None:
    with database.transaction() as tx:
        tx.execute(insert(tables.known_organisation).values(organisation_id="org_1", tier="standard"))
        rows = [{"key_id": f"key_{number}", "organisation_id": "org_1", "hint": "grl_…"} for number in range(KEYS)]
        tx.execute(insert(tables.known_key), rows)
        make_defaults(tx, "org_1", datetime.now(UTC))


def _batch(number: int) -> RequestMetered:
    """Each key comes once in a batch: the worst there is, for nothing of one key can be looked at together."""
    at = datetime.now(UTC)
    records = tuple(
        RequestRecord(
            request_id="req_1",
            at=at + timedelta(microseconds=index),
            key_id=f"key_{index % KEYS}",
            organisation_id="org_1",
            method="GET",
            route="/v1/sensors",
            status=200,
            cost=1,
            duration_us=100,
            size=10,
            address="192.0.2.7",
            user_agent="python-requests/2.32",
        )
        for index in range(BATCH_REQUESTS)
    )
    return RequestMetered(segment="segment", start=number, end=number + 1, records=records)


if __name__ == "__main__":
    main(*sys.argv[1:])
