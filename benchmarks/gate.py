"""What the gate adds to a request, in one process: verdict, both windows and the spooled record, and each apart.

And what it costs that a key is bound to networks and the request names one, that a request holds one of its key's
slots, and that each key has as many replaced secrets as a gate knows: processor time, in rounds by turns.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from services.keys.secret import Secret, new_secret
from shared.eventsourcing.event_store import Head
from shared.gate.authentication.credential import Presented
from shared.gate.gate import Gate
from shared.gate.grants.grant import REPLACED_MAX, Grant, Limits, Snapshot
from shared.gate.grants.replica import Replica
from shared.gate.metering.meter import Meter
from shared.gate.quota.memory_quota import MemoryQuota
from shared.replication.feed import Acknowledgement, FeedPage
from shared.replication.heads.held_heads import HeldHead
from shared.runtime.clock import SystemClock

KEYS = 50_000
REQUESTS = 100_000
ROUNDS = 20
KEYS_BY_TURNS = 10_000
BOUND, NAMED = frozenset({"net_1", "net_2"}), ("net_1",)
PLACE = Head(epoch="benchmark", position=KEYS, hash="")


class StandingFeed:
    """Nothing new, ever."""

    def pull(
        self, after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        return FeedPage(events=(), head=PLACE, time=datetime.now(UTC))


class NoBus:
    def publish(self, batch: bytes) -> None:
        pass


def main() -> None:
    clock = SystemClock()
    secrets = [new_secret() for _ in range(KEYS)]
    with tempfile.TemporaryDirectory() as folder:
        gate = gate_of(_grants(secrets), Path(folder), clock)
        presented = [_presented(secret) for secret in secrets]
        verdict = gate.admit(presented[0], "sensors:read")

        def record(_number: int) -> None:
            gate.record(
                verdict,
                request_id="req_0123456789abcdef",
                method="GET",
                route="/v1/sensors/{sensor_id}",
                status=200,
                seconds=0.0001,
                size=400,
                address="192.0.2.1",
                user_agent="benchmark",
            )

        show("admit", lambda number: gate.end(gate.admit(presented[number % KEYS], "sensors:read")))
        show("record", record)

        def free(number: int) -> None:
            gate.end(gate.admit(presented[2 * number % KEYS], "sensors:read"))

        def bound(number: int) -> None:
            gate.end(gate.admit(presented[(2 * number + 1) % KEYS], "sensors:read", networks=NAMED))

        show_by_turns({"free": free, "bound": bound})

        def verdict_alone(number: int) -> None:
            gate.admit(presented[number % KEYS], "sensors:read", answers=False)

        def with_slot(number: int) -> None:
            gate.end(gate.admit(presented[number % KEYS], "sensors:read"))

        show_by_turns({"no slot": verdict_alone, "slot": with_slot})
    with tempfile.TemporaryDirectory() as folder:
        beside_replaced(secrets[:KEYS_BY_TURNS], Path(folder), clock)


def beside_replaced(secrets: Sequence[Secret], folder: Path, clock: SystemClock) -> None:
    """Of two gates over the same keys the second knows replaced secrets of each, too."""
    grants = _grants(secrets)
    digests = [new_secret().digest for _ in range(REPLACED_MAX * len(grants))]
    replaced = tuple(
        msgspec.structs.replace(grant, replaced=tuple(digests[number * REPLACED_MAX : (number + 1) * REPLACED_MAX]))
        for number, grant in enumerate(grants)
    )
    presented = [_presented(secret) for secret in secrets]
    gates = {
        "without": gate_of(grants, folder / "without", clock),
        f"{REPLACED_MAX} dead": gate_of(replaced, folder / "with", clock),
    }

    def admit(gate: Gate) -> Callable[[int], object]:
        return lambda number: gate.end(gate.admit(presented[number % KEYS_BY_TURNS], "sensors:read"))

    show_by_turns({name: admit(gate) for name, gate in gates.items()})


def gate_of(grants: tuple[Grant, ...], folder: Path, clock: SystemClock) -> Gate:
    folder.mkdir(exist_ok=True)
    policy = {"standard": Limits(minute=1_000_000, day=None, concurrent=50)}
    snapshot = Snapshot(place=PLACE, grants=grants, tiers={"org_1": "standard"}, policy=policy)
    replica = Replica(gate="gate_1", feed=StandingFeed(), snapshot=lambda: snapshot, clock=clock, lease_seconds=300)
    replica.pull()
    return Gate(replica, MemoryQuota(), Meter(folder, NoBus(), clock), clock)


def _grants(secrets: Sequence[Secret]) -> tuple[Grant, ...]:
    return tuple(
        Grant(
            key_id=f"key_{number}",
            organisation_id="org_1",
            digest=secret.digest,
            hint=secret.hint,
            permissions=frozenset({"sensors:read"}),
            networks=BOUND if number % 2 else None,
        )
        for number, secret in enumerate(secrets)
    )


def _presented(secret: Secret) -> Presented:
    return Presented(authorization=f"Bearer {secret.value}", query_keys=(), address="192.0.2.1")


def show_by_turns(works: Mapping[str, Callable[[int], object]]) -> None:
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            began = time.process_time()
            for number in range(REQUESTS // ROUNDS):
                work(number)
            taken[name].append((time.process_time() - began) / (REQUESTS // ROUNDS) * 1e6)
    for name, each in taken.items():
        print(
            f"{name:8} {statistics.median(each):6.1f} µs each, the median of {ROUNDS} rounds; {min(each):.1f} at least"
        )


def show(name: str, work: Callable[[int], object]) -> None:
    began = time.process_time()
    for number in range(REQUESTS):
        work(number)
    seconds = time.process_time() - began
    print(f"{name:8} {seconds / REQUESTS * 1e6:6.1f} µs each, {REQUESTS / seconds:9,.0f} a processor second")


if __name__ == "__main__":
    main()
