"""What many gates' common quota costs one gate: decisions a second in memory, and on Redis with few and many keys.

Each round measures all, and the medians of the rounds are compared: only the ratios say something.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.gate import PLACE, NoBus, StandingFeed
from services.keys.secret import new_secret
from shared.gate.authentication.credential import Presented
from shared.gate.gate import Gate
from shared.gate.grants.grant import Grant, Limits, Snapshot
from shared.gate.grants.replica import Replica
from shared.gate.metering.meter import Meter
from shared.gate.quota.memory_quota import MemoryQuota, Quota
from shared.gate.quota.redis_counters import RedisCounters
from shared.gate.quota.redis_quota import RedisQuota
from shared.runtime.clock import SystemClock
from tests.servers import Redis

KEYS, HOT_KEYS = 50_000, 100
REQUESTS, ROUNDS = 50_000, 5
LIMITS = Limits(minute=1_000_000, day=None)


def main() -> None:
    clock = SystemClock()
    secrets = [new_secret() for _ in range(KEYS)]
    held = tuple(
        Grant(
            key_id=f"key_{number}",
            organisation_id="org_1",
            digest=secret.digest,
            hint=secret.hint,
            permissions=frozenset({"sensors:read"}),
        )
        for number, secret in enumerate(secrets)
    )
    snapshot = Snapshot(place=PLACE, grants=held, tiers={"org_1": "standard"}, policy={"standard": LIMITS})
    replica = Replica(gate="gate_1", feed=StandingFeed(), snapshot=lambda: snapshot, clock=clock, lease_seconds=300)
    replica.pull()
    presented = [Presented(f"Bearer {secret.value}", (), "192.0.2.1") for secret in secrets]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Redis(folder)
        counts = RedisCounters(server.url, seconds_max=5.0)
        shared = RedisQuota(counts, clock, time=time.time, gates=lambda: 1, spent=lambda: ())
        shared.start()
        while shared.is_on_shares:
            time.sleep(0.1)
        meter = Meter(folder / "spool", NoBus(), clock)

        def gate(quota: Quota) -> Gate:
            return Gate(replica, quota, meter, clock)

        memory, redis = gate(MemoryQuota()), gate(shared)
        first = _a_second(lambda number: redis.admit(presented[number], "sensors:read"), KEYS)
        print(f"first request of each key    {first:9,.0f} a second: each asks Redis")
        ways: dict[str, Callable[[int], object]] = {
            "in memory": lambda number: memory.admit(presented[number % KEYS], "sensors:read"),
            "in memory, 100 keys": lambda number: memory.admit(presented[number % HOT_KEYS], "sensors:read"),
            "on Redis, 100 hot keys": lambda number: redis.admit(presented[number % HOT_KEYS], "sensors:read"),
            "on Redis, each another's": lambda number: redis.admit(presented[number % KEYS], "sensors:read"),
        }
        rounds = [{way: _a_second(admit, REQUESTS) for way, admit in ways.items()} for _ in range(ROUNDS)]
        shared.stop()
        server.close()
    median = {way: statistics.median(figures[way] for figures in rounds) for way in ways}
    for way, figure in median.items():
        peer = median["in memory, 100 keys" if "100" in way else "in memory"]
        print(f"{way:28} {figure:9,.0f} a second, {figure / peer:.2f} of in memory with as many keys")


def _a_second(admit: Callable[[int], object], requests: int) -> float:
    began = time.perf_counter()
    for number in range(requests):
        admit(number)
    return requests / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
