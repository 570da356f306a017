"""A web process's gate from start to stop: what it waits for, what it hears, and what it takes with it."""

from pathlib import Path

import pytest

from shared.contracts.envelope import to_json
from shared.contracts.usage import Spent
from shared.gate import gate_process as process_module
from shared.gate.metering.meter import Meter
from shared.gate.quota.memory_quota import DAY_SECONDS, MemoryQuota
from shared.gate.verdict import Refusal
from tests.gate_examples import MemoryBus, created, presented, record, revoked, secret
from tests.gate_process_scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_gate_hears_before_it_pulls_and_counts_what_a_killed_one_left_before_it_asks_what_was_spent(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else events between snapshot and first push, or the killed one's last requests, would be missing."""
    monkeypatch.setattr(scene.bus, "publish", scene.counts_what_is_published)
    killed = Meter(tmp_path, MemoryBus(), scene.clock)
    killed.record(record("left behind"))
    killed._segment.close()
    scene.process.start()
    scene.process.stop()
    assert scene.steps == ["listening", "pulled", "counted", "asked what was spent", "deaf"]
    assert list(tmp_path.iterdir()) == []


def test_a_gate_starts_without_a_bus_once_it_has_waited_within_reason(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "SETTLE_SECONDS_MAX", 0.05)
    scene.bus.is_away = True
    scene.meter.record(record("not shipped yet"))
    scene.process.start()
    assert scene.process.gate.admit(presented(), "sensors:read").admitted
    scene.process.stop()


@pytest.mark.parametrize("keys_are_away_at_the_start", [False, True])
def test_what_was_spent_today_is_not_forgotten_whether_or_not_the_log_answers_at_the_start(
    scene: Scene, keys_are_away_at_the_start: bool
) -> None:
    scene.spent = (Spent(key_id="key_1", today=2, seconds_ago=()),)
    scene.log.is_away = keys_are_away_at_the_start
    scene.process.start()
    scene.log.is_away = False
    scene.process.replica.pull()
    refusals = [scene.process.gate.admit(presented(), "sensors:read").refusal for _ in range(2)]
    scene.process.stop()
    assert refusals == [None, Refusal.QUOTA_EXCEEDED]


def test_what_is_heard_of_keys_is_applied_and_what_is_heard_of_batches_settles_the_meter(scene: Scene) -> None:
    scene.process.start()
    admit = scene.process.gate.admit
    for event, refusal in ((created(2), None), (revoked(2), Refusal.KEY_REVOKED)):
        scene.ears.key([to_json(scene.log.append(event))])
        assert admit(presented(f"Bearer {secret(2)}"), "sensors:read").refusal is refusal
    scene.meter.record(record("r1"))
    scene.meter.ship()
    scene.ears.counted([{"batches": [list(identity) for identity in scene.bus.identities()]}])
    assert scene.meter.is_settled()
    scene.process.stop()


def test_counters_that_nobody_needs_are_let_go_while_it_runs_and_not_after_it_stopped(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "TIDY_SECONDS", 0.005)
    scene.spent = (Spent(key_id="key_1", today=0, seconds_ago=(DAY_SECONDS,)),)
    scene.process.start()
    quota = scene.process._quota
    assert isinstance(quota, MemoryQuota)
    # Once more, now that it runs: what goes was there.
    elapsed = scene.clock.elapsed_seconds()
    quota.seed("key_2", (elapsed - DAY_SECONDS,), 0, elapsed, scene.process.replica.time())
    while quota._windows:
        pass  # the test's own time limit is the deadline
    scene.process.stop()
    assert not scene.process._tidying.is_alive()


def test_a_slowed_address_is_told_of_in_one_event_and_a_bus_that_is_away_costs_only_that(scene: Scene) -> None:
    scene.process.replica.pull()

    def guess() -> None:
        for number in (98, 99, 100):
            scene.process.gate.admit(presented(f"Bearer {secret(number)}"), None)
        scene.process.tell_of_guessing()

    guess()
    (failed,) = scene.told
    assert (failed.address, failed.count, failed.kinds) == ("192.0.2.7", 3, ("unknown",))
    assert failed.first_at <= failed.last_at <= scene.clock.now()
    scene.bus.is_away = True
    guess()
    assert len(scene.told) == 1


def test_one_gate_of_several_without_redis_takes_its_share(tmp_path: Path) -> None:
    scene = Scene(tmp_path, is_only_gate=False)
    scene.log.gates = 3
    scene.process.start()
    refusals = [scene.process.gate.admit(presented(), "sensors:read").refusal for _ in range(2)]
    scene.process.stop()
    assert refusals == [None, Refusal.QUOTA_EXCEEDED], "a third of three a day"
