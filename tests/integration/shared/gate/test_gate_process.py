"""A gate whose Redis is away starts and ends all the same."""

from pathlib import Path

from shared.gate.concurrency.slot_counters import SlotCounters
from shared.gate.quota.redis_counters import RedisCounters
from tests.gate_examples import presented
from tests.gate_process_scene import Scene

NOBODY = "redis://:hunter2@127.0.0.1:1/0"


def test_a_gate_whose_redis_is_away_starts_all_the_same_and_ends(tmp_path: Path) -> None:
    scene = Scene(tmp_path, counters=(RedisCounters(NOBODY), SlotCounters(NOBODY, 10.0)))
    scene.process.start()
    assert scene.process.gate.admit(presented(), "sensors:read").admitted
    scene.process.tidy()
    scene.process.stop()
    assert "asked what was spent" not in scene.steps, "Redis remembers; and if not, it is told when it is there"
