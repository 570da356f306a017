"""One request through the whole gate, in memory: what it decides, what that costs, and what is written down."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.gate.authentication.credential import Presented, digest_of
from shared.gate.gate import Gate
from shared.gate.grants.grant import Limits, Status
from shared.gate.grants.replica import Replica
from shared.gate.metering.meter import Meter
from shared.gate.quota.memory_quota import MemoryQuota
from shared.gate.quota.reserve import LISTING, URGENT
from shared.gate.verdict import Refusal, Verdict
from shared.runtime.clock import ManualClock
from tests.gate_examples import NOW, SECRET, MemoryBus, MemoryLog, grant, presented, secret, snapshot_of

LEASE = 10.0


@dataclass
class Scene:
    clock: ManualClock
    gate: Gate
    bus: MemoryBus

    def admit(self, request: Presented | None = None, permission: str | None = "sensors:read") -> Verdict:
        return self.gate.admit(request or presented(), permission)

    def recorded(self, verdict: Verdict, **different: Any) -> list[Any]:
        fields: dict[str, Any] = {
            "request_id": "r1",
            "method": "GET",
            "route": "/v1/sensors/{sensor_id}",
            "status": 200,
            "seconds": 0.0,
            "size": 12,
            "address": "192.0.2.7",
            "user_agent": "curl/8",
        }
        self.gate.record(verdict, **fields | different)
        self.gate.meter.ship()
        self.gate.meter.counted(self.bus.identities())  # by a usage that keeps up
        record: list[Any] = self.bus.batches[-1]["records"][-1]
        return record


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    clock = ManualClock(NOW)
    log, bus = MemoryLog(clock), MemoryBus()
    held = [
        grant(1, minute_limit=3, day_limit=5),
        grant(2, status=Status.REVOKED, minute_limit=3),
        grant(3, organisation_id="org_unknown"),
        grant(4, status=Status.DELETED),
        grant(5, previous_digest=digest_of(secret(50)), grace_until=NOW + timedelta(hours=1)),
        grant(6, replaced=(digest_of(secret(60)),)),
    ]
    replica = Replica(
        gate="gate_1",
        feed=log,
        snapshot=lambda: snapshot_of(*held, place=log.genesis),
        clock=clock,
        lease_seconds=LEASE,
    )
    replica.pull()
    return Scene(clock, Gate(replica, MemoryQuota(), Meter(tmp_path, bus, clock), clock), bus)


def test_what_is_urgent_passes_on_a_reserve_when_the_key_s_limits_are_used_up_and_only_then(scene: Scene) -> None:
    """Else whoever stole a key could keep its owner from revoking it, by using it."""
    spend = [scene.gate.admit(presented(), None, reserve=URGENT) for _ in range(3)]
    assert [verdict.reserve for verdict in spend] == [None] * 3
    assert scene.admit().refusal is Refusal.QUOTA_EXCEEDED
    scene.clock.advance(1)
    urgent = [scene.gate.admit(presented(), None, reserve=URGENT) for _ in range(URGENT.limits.minute)]
    assert all(verdict.admitted and verdict.reserve is URGENT for verdict in urgent)
    assert scene.recorded(urgent[0])[7] == 0, "it took nothing of the quota"
    refused = scene.gate.admit(presented(), None, reserve=URGENT)
    assert refused.refusal is Refusal.QUOTA_EXCEEDED
    assert refused.spent is not None
    assert refused.spent.violated == ("minute", "urgent")
    assert refused.spent.retry_after_seconds == 59, "the key's own limit has room before the reserve has"
    scene.clock.advance(59)
    scene.gate.replica.pull()
    assert scene.admit().admitted


def test_each_reserve_has_a_count_of_its_own(scene: Scene) -> None:
    """Who lists keys over and over can still revoke one, and the other way round."""
    while scene.admit().admitted:
        pass
    listed = [scene.gate.admit(presented(), None, reserve=LISTING) for _ in range(LISTING.limits.minute + 1)]
    assert [verdict.admitted for verdict in listed] == [True] * LISTING.limits.minute + [False]
    assert listed[-1].spent is not None
    assert listed[-1].spent.violated == ("minute", "listing")
    assert scene.gate.admit(presented(), None, reserve=URGENT).admitted


@pytest.mark.parametrize("request_", [presented(), presented(None), presented("Basic x", SECRET)])
def test_a_gate_that_is_not_fresh_says_so_before_anything_else(scene: Scene, request_: Presented) -> None:
    scene.clock.advance(LEASE)
    verdict = scene.admit(request_)
    assert verdict == Verdict(Refusal.GATE_NOT_FRESH)


@pytest.mark.parametrize("request_", [presented(), presented(None), presented("Basic x", SECRET)])
def test_a_gate_of_a_log_that_was_put_back_says_that_to_everything(scene: Scene, request_: Presented) -> None:
    scene.gate.replica.is_log_diverged = True
    assert scene.admit().admitted  # fresh is fresh: it is the pull that ends the lease
    scene.clock.advance(LEASE)
    assert scene.admit(request_) == Verdict(Refusal.LOG_DIVERGED)
    assert scene.gate.verify("digest", "org", None, charge=False) == Verdict(Refusal.LOG_DIVERGED)


def test_freshness_that_is_lost_while_a_request_is_judged_refuses_it(scene: Scene) -> None:
    """Another thread loads an older snapshot, or the lease ends, between the look-up and the verdict."""

    class Slow(ManualClock):
        def elapsed_seconds(self) -> float:
            reading = scene.clock.elapsed_seconds()
            scene.clock.advance(LEASE)
            return reading

    gate = Gate(scene.gate.replica, MemoryQuota(), scene.gate.meter, Slow(NOW))
    assert gate.admit(presented(), None).refusal is Refusal.GATE_NOT_FRESH


def test_freshness_that_is_lost_once_judging_has_begun_refuses_as_well(scene: Scene) -> None:
    """Another thread distrusts its grants right after they were looked at: who asked before that must ask again."""

    class Distrusted(Replica):
        def __getattribute__(self, name: str) -> Any:
            value = super().__getattribute__(name)
            if name == "grants":
                self.fresh_until = float("-inf")
            return value

    scene.gate.replica.__class__ = Distrusted
    assert scene.admit().refusal is Refusal.GATE_NOT_FRESH


def test_an_admitted_request_costs_one_and_a_refused_one_nothing(scene: Scene) -> None:
    def minute_left() -> int:
        spent = scene.admit(permission="config:write").spent
        assert spent is not None
        return spent.minute_left

    assert minute_left() == 3
    assert scene.admit().admitted
    assert minute_left() == 2
    for faulty in (presented(None), presented(f"Bearer {secret(99)}"), presented(None, SECRET, SECRET)):
        assert not scene.admit(faulty).admitted
    for _ in range(20):
        assert scene.admit(permission="admin").refusal is Refusal.INSUFFICIENT_PERMISSION
    assert minute_left() == 2
    assert [scene.admit().refusal for _ in range(4)] == [None, None, Refusal.QUOTA_EXCEEDED, Refusal.QUOTA_EXCEEDED]


def test_a_request_over_its_limit_passes_after_exactly_as_long_as_it_was_told(scene: Scene) -> None:
    for _ in range(3):
        scene.admit()
        scene.clock.advance(0.25)
    refused = scene.admit()
    assert refused.refusal is Refusal.QUOTA_EXCEEDED
    assert refused.spent is not None
    scene.gate.replica.pull()
    for _ in range(refused.spent.retry_after_seconds):
        scene.clock.advance(1)
        scene.gate.replica.pull()
    assert scene.admit().admitted


def test_a_refused_key_that_was_recognised_is_shown_its_limits(scene: Scene) -> None:
    verdict = scene.admit(presented(f"Bearer {secret(2)}"))
    assert verdict.refusal is Refusal.KEY_REVOKED
    assert verdict.limits == Limits(minute=3, day=10_000)
    assert verdict.spent is not None
    assert verdict.spent.minute_left == 3


def test_a_key_of_an_organisation_without_a_known_tier_is_unavailable_and_spends_nothing(scene: Scene) -> None:
    verdict = scene.admit(presented(f"Bearer {secret(3)}"))
    assert (verdict.refusal, verdict.spent) == (Refusal.UNAVAILABLE, None)


@pytest.mark.parametrize("days", [3, -100])
def test_a_record_has_the_log_s_time_by_which_it_was_charged_whatever_its_host_s_clock_says(
    scene: Scene, days: int
) -> None:
    verdict = scene.admit()
    scene.clock.set_by(timedelta(days=days))
    scene.clock.advance(1)
    assert scene.recorded(verdict)[1] == "2026-11-23T08:17:01Z"


def test_a_record_says_whose_request_it_was_and_what_came_of_it(scene: Scene) -> None:
    verdict = scene.admit()
    scene.clock.advance(0.125)
    assert scene.recorded(verdict, status=304, seconds=0.125) == [
        "r1",
        "2026-11-23T08:17:00.125000Z",
        "key_1",
        "org_railway",
        "GET",
        "/v1/sensors/{sensor_id}",
        304,
        1,
        125_000,
        12,
        "192.0.2.7",
        "curl/8",
        1,
        None,
        None,
        None,
        None,
        False,
    ]


@pytest.mark.parametrize(
    ("request_", "key_id"),
    [
        (presented(None), None),
        (presented(f"Bearer {secret(2)}"), "key_2"),
        (presented(f"Bearer {secret(4)}"), "key_4"),
        (presented(f"Bearer {secret(99)}"), None),
    ],
)
def test_a_refused_request_is_written_down_at_no_cost(scene: Scene, request_: Presented, key_id: str | None) -> None:
    record = scene.recorded(scene.admit(request_), status=401)
    assert (record[2], record[7]) == (key_id, 0)


def test_an_admitted_request_that_came_with_the_secret_before_says_by_which(scene: Scene) -> None:
    assert scene.recorded(scene.admit())[14] is None
    assert scene.recorded(scene.admit(presented(f"Bearer {secret(50)}")))[14] == digest_of(secret(50))[:16]
    refused = scene.admit(presented(f"Bearer {secret(50)}"), "admin")
    assert scene.recorded(refused, status=403)[14] is None


@pytest.mark.parametrize("permission", ["sensors:read", "admin"])
def test_a_request_whose_url_had_the_secret_says_so_whether_or_not_it_passes(scene: Scene, permission: str) -> None:
    verdict = scene.admit(presented(None, SECRET), permission)
    assert scene.recorded(verdict)[17] is True
    assert (verdict.refusal is None) is (permission == "sensors:read")


@pytest.mark.parametrize("padding", [0, 140, 150, 180, 190, 196])
def test_a_user_agent_with_a_key_in_it_is_written_down_without_wherever_it_is_cut(scene: Scene, padding: int) -> None:
    record = scene.recorded(scene.admit(), user_agent="x" * padding + f" {SECRET} tail" + "y" * 500)
    assert len(record[11]) <= 200
    assert "grl_0" not in record[11]


def test_an_address_that_guesses_is_slowed_and_valid_keys_from_it_are_not(scene: Scene) -> None:
    guesses = [presented(f"Bearer {wrong}") for wrong in ("nokey", secret(99), SECRET[:-1] + "0")] * 20
    assert {scene.admit(guess).refusal for guess in guesses} == {Refusal.INVALID_KEY}
    slowed = scene.admit(presented(f"Bearer {secret(99)}"))
    assert (slowed.refusal, slowed.retry_after_seconds) == (Refusal.ADDRESS_SLOWED, 60)
    assert scene.admit(presented(f"Bearer {secret(99)}", address="192.0.2.8")).refusal is Refusal.INVALID_KEY
    assert scene.admit(presented(None)).refusal is Refusal.MISSING_CREDENTIALS
    assert scene.admit().admitted
    scene.clock.advance(60)
    assert scene.admit(presented(f"Bearer {secret(99)}")).refusal is Refusal.GATE_NOT_FRESH
    scene.gate.replica.pull()
    assert scene.admit(presented(f"Bearer {secret(99)}")).refusal is Refusal.INVALID_KEY


def test_a_deleted_key_slows_its_address_as_a_guess_does_and_is_shown_nothing(scene: Scene) -> None:
    guesses = [scene.admit(presented(f"Bearer {secret(4)}")) for _ in range(61)]
    assert [guess.refusal for guess in guesses] == [Refusal.INVALID_KEY] * 60 + [Refusal.ADDRESS_SLOWED]
    assert {(guess.grant, guess.limits, guess.spent) for guess in guesses} == {(None, None, None)}
    assert scene.recorded(guesses[-1], status=429)[2] == "key_4"


def test_a_replaced_secret_is_never_a_guess_and_is_written_down_with_its_hint(scene: Scene) -> None:
    tries = [scene.admit(presented(f"Bearer {secret(60)}")) for _ in range(93)]
    assert {each.refusal for each in tries} == {Refusal.KEY_ROTATED}
    assert {(each.limits, each.spent) for each in tries} == {(None, None)}, "the limits are the living secret's"
    record = scene.recorded(tries[-1], status=401, problem="key-rotated")
    assert (record[2], record[7], record[13], record[15]) == ("key_6", 0, "key-rotated", f"grl_0000…{secret(60)[-4:]}")


def test_what_is_admitted_is_always_written_down_singly_and_a_flood_of_refusals_is_not(scene: Scene) -> None:
    admitted, refused = scene.admit(), scene.admit(presented(None))
    assert (admitted.admitted, refused.admitted) == (True, False)
    for verdict, status in ((refused, 401), (admitted, 200)):
        for number in range(50):
            scene.recorded(verdict, request_id=f"{status}-{number}", status=status)
    scene.clock.advance(1)
    scene.recorded(refused, request_id="later", status=401)
    written = [record for batch in scene.bus.batches for record in batch["records"]]
    assert [record[0] for record in written if record[6] == 200] == [f"200-{number}" for number in range(50)]
    assert [record[12] for record in written if record[6] == 401] == [*[1] * 10, 40, 1]
