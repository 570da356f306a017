"""Every record goes out until it is counted, the same bytes under the same name, and nothing goes before that."""

import math
import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from shared.gate.metering import meter as meter_module
from shared.gate.metering.meter import SHIP_SECONDS, Meter
from shared.gate.metering.pace import CUT_SECONDS_BEHIND, REPUBLISH_SECONDS, REPUBLISH_SECONDS_MAX, WAITING_MAX
from shared.gate.metering.spool_segment import FRAME_BYTES
from shared.runtime.clock import ManualClock
from tests.gate_examples import NOW, MemoryBus, record

# More than one batch: the extents of a batch are about this long.
BATCH_BYTES = 1000
PASSES_A_MINUTE = round(60 / SHIP_SECONDS)


class Scene:
    def __init__(self, folder: Path) -> None:
        self.folder, self.bus, self.clock = folder, MemoryBus(), ManualClock(NOW)
        self.meter = self.restarted()

    def restarted(self) -> Meter:
        """A meter as the next process has it. What the last one held stays locked until `kill`."""
        return Meter(self.folder, self.bus, self.clock)

    def kill(self) -> Meter:
        """The old process is gone, its locks with it; the next one adopts."""
        for segment in (*self.meter._closed, self.meter._segment):
            segment.close()
        self.meter = self.restarted()
        self.meter.adopt()
        return self.meter

    def record(self, *request_ids: str) -> None:
        for request_id in request_ids:
            self.meter.record(record(request_id))

    def count_all(self) -> None:
        self.meter.counted(self.bus.identities())

    def files(self) -> list[str]:
        return sorted(path.suffix for path in self.folder.iterdir())


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(meter_module, "BATCH_BYTES", BATCH_BYTES)
    return Scene(tmp_path / "spool")


def unmetered() -> float:
    return REGISTRY.get_sample_value("grillo_meter_unmetered_total") or 0.0


def counted_refusals() -> float:
    return REGISTRY.get_sample_value("grillo_meter_refusals_counted_total") or 0.0


def waiting_bytes() -> float:
    return REGISTRY.get_sample_value("grillo_meter_spool_bytes") or 0.0


def test_a_record_is_on_disk_when_record_returns(scene: Scene) -> None:
    scene.record("r1")
    (path,) = scene.folder.glob("*.segment")
    assert b'"r1"' in path.read_bytes()


def test_what_was_recorded_goes_out_once_whole_and_in_order(scene: Scene) -> None:
    sent = [f"r{number}" for number in range(50)]
    scene.record(*sent)
    for _ in range(3):
        scene.meter.ship()
    assert scene.bus.request_ids() == sent
    assert len(scene.bus.batches) > 5
    assert [batch["end"] for batch in scene.bus.batches[:-1]] == [batch["start"] for batch in scene.bus.batches[1:]]


def test_a_batch_that_nobody_counted_goes_out_again_the_same_to_the_byte_and_apart_from_newer_records(
    scene: Scene,
) -> None:
    scene.record("r1", "r2")
    scene.meter.ship()
    scene.record("r3")
    scene.meter.ship()
    scene.clock.advance(REPUBLISH_SECONDS)
    scene.meter.ship()
    first, second, *again = scene.bus.batches
    assert again == [first, second]
    scene.count_all()
    scene.clock.advance(REPUBLISH_SECONDS_MAX)
    scene.meter.ship()
    assert len(scene.bus.batches) == 4


def test_copies_become_rarer_so_that_the_queue_of_a_usage_that_is_down_stays_small(scene: Scene) -> None:
    scene.record("r1")
    for _ in range(3600):
        scene.meter.ship()
        scene.clock.advance(1)
    assert 10 < len(scene.bus.batches) < 25


def test_while_usage_is_behind_records_go_out_in_few_batches_and_at_once_when_it_has_caught_up(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a batch each pass, and copies of each, its queue grew faster than a busy machine let it count."""
    monkeypatch.setattr(meter_module, "BATCH_BYTES", 256 * 1024)
    sent = [f"r{number}" for number in range(2 * PASSES_A_MINUTE)]
    messages = []
    for number, request_id in enumerate(sent):
        if number % PASSES_A_MINUTE == 0:
            messages.append(len(scene.bus.batches))
        scene.record(request_id)
        scene.meter.ship()
        scene.clock.advance(60 / PASSES_A_MINUTE)
    assert len(scene.bus.batches) - messages[-1] < PASSES_A_MINUTE / 2
    scene.clock.advance(CUT_SECONDS_BEHIND)
    scene.meter.ship()
    assert set(scene.bus.request_ids()) == set(sent)
    scene.count_all()
    scene.record("at once")
    scene.meter.ship()
    assert scene.bus.request_ids()[-1] == "at once"


def test_batches_that_are_never_counted_delay_the_others_by_no_more_than_that(scene: Scene) -> None:
    """Usage has parked them."""
    for number in range(2 * WAITING_MAX):
        scene.record(f"parked {number}")
        scene.meter.ship()
    scene.record("r1")
    scene.clock.advance(CUT_SECONDS_BEHIND)
    scene.meter.ship()
    assert "r1" in scene.bus.request_ids()


def test_a_bus_that_is_away_costs_time_and_nothing_else(scene: Scene) -> None:
    scene.bus.is_away = True
    scene.record("r1")
    scene.meter.ship()
    scene.record("r2")
    scene.meter.ship()
    scene.bus.is_away = False
    scene.clock.advance(REPUBLISH_SECONDS)
    scene.meter.ship()
    assert scene.bus.request_ids() == ["r1", "r2"]


def test_an_answer_that_comes_while_publishing_still_counts(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def answered_at_once(batch: bytes) -> None:
        published = msgspec.json.decode(batch)
        scene.meter.counted(((published["segment"], published["start"]),))

    monkeypatch.setattr(scene.bus, "publish", answered_at_once)
    scene.record("r1")
    scene.meter.ship()
    assert scene.meter.is_settled()


def test_a_meter_is_settled_only_when_everything_is_counted(scene: Scene) -> None:
    assert scene.meter.is_settled()
    scene.record(*(f"r{number}" for number in range(20)))
    assert not scene.meter.is_settled()
    scene.meter.ship()
    *most, last = scene.bus.identities()
    scene.meter.counted(tuple(most))
    assert not scene.meter.is_settled()
    scene.meter.counted((last,))
    assert scene.meter.is_settled()
    assert waiting_bytes() > 0
    scene.meter.ship()
    assert waiting_bytes() == 0


def test_batches_that_were_never_ours_are_ignored(scene: Scene) -> None:
    scene.record("r1")
    scene.meter.counted((("another gate's", 0), (scene.meter._segment.name, 0)))
    scene.meter.ship()
    assert scene.bus.request_ids() == ["r1"]
    assert not scene.meter.is_settled()


@pytest.mark.parametrize("limit", ["SEGMENT_BYTES_MAX", "SEGMENT_BATCHES_MAX"])
def test_a_full_segment_makes_room_for_a_new_one_and_goes_once_it_is_counted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(meter_module, limit, 2)
    for number in range(2):
        scene.record(f"r{number}")
        scene.meter.ship()
    scene.meter.ship()
    scene.record("r2")
    scene.meter.ship()
    assert scene.bus.request_ids() == ["r0", "r1", "r2"]
    before = scene.files().count(".segment")
    assert before >= 2
    *all_but_last, _ = scene.bus.identities()
    scene.meter.counted(tuple(all_but_last))
    scene.meter.ship()
    assert scene.files().count(".segment") < before
    scene.record("r3")
    scene.kill().ship()
    assert scene.bus.request_ids().count("r3") == 1


def test_a_killed_processs_records_go_out_as_it_had_cut_them(scene: Scene) -> None:
    scene.record("r1", "r2")
    scene.meter.ship()
    scene.record("r3")
    scene.kill().ship()
    assert [[record[0] for record in batch["records"]] for batch in scene.bus.batches] == [
        ["r1", "r2"],
        ["r1", "r2"],
        ["r3"],
    ]
    assert scene.bus.batches[0] == scene.bus.batches[1]
    scene.count_all()
    scene.meter.ship()
    assert scene.meter.is_settled()
    assert scene.files() == [".segment"]


def test_a_living_processs_segment_is_left_alone(scene: Scene) -> None:
    scene.record("r1")
    other = scene.restarted()
    other.adopt()
    other.ship()
    assert scene.bus.request_ids() == []


def test_a_clean_stop_ships_what_is_left_and_leaves_on_disk_what_is_not_counted(scene: Scene) -> None:
    scene.meter.start()
    scene.record("r1")
    scene.meter.stop()
    assert scene.bus.request_ids() == ["r1"]
    assert scene.files() == [".extents", ".segment"]
    scene.meter = scene.restarted()
    scene.meter.adopt()
    scene.meter.ship()
    scene.count_all()
    scene.meter.start()
    scene.meter.stop()
    assert scene.files() == []


@pytest.mark.parametrize(
    "refusal", [OSError(28, "No space left"), OSError(122, "Quota exceeded"), ValueError("unforeseen")]
)
def test_record_never_raises_and_counts_what_it_could_not_write(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    before = unmetered()

    def full(file: int, offset: int, size: int) -> None:
        raise refusal

    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", full)
        scene.record("lost")
    scene.meter.record(record("no text", user_agent="\ud800"))
    assert unmetered() - before == 2
    scene.record("kept")
    scene.meter.ship()
    assert scene.bus.request_ids() == ["kept"]


def test_a_record_after_the_stop_is_counted_as_unmetered(scene: Scene) -> None:
    scene.meter.start()
    scene.meter.stop()
    before = unmetered()
    scene.record("late")
    assert unmetered() - before == 1


def test_a_full_disk_still_lets_go_of_what_is_counted(scene: Scene) -> None:
    """Else it would stay full for ever: discarding is what makes room."""
    scene.record("old")
    scene.kill().ship()
    scene.record("new")
    scene.count_all()
    no_room = scene.meter._segment.path.with_suffix(".extents")
    no_room.mkdir()  # no extent can be written there, either
    scene.meter.ship()
    no_room.rmdir()
    assert scene.files() == [".segment"]


def test_a_bus_that_is_away_does_not_keep_what_is_counted(scene: Scene) -> None:
    scene.record("old")
    scene.kill().ship()
    scene.count_all()
    scene.bus.is_away = True
    scene.record("new")
    scene.meter.ship()
    assert scene.files() == [".extents", ".segment"]


def test_it_says_when_the_oldest_request_was_answered_that_is_not_counted(scene: Scene) -> None:
    def oldest() -> float | None:
        scene.meter.ship()
        return REGISTRY.get_sample_value("grillo_meter_spool_oldest_timestamp_seconds", {"of": "requests"})

    assert oldest() == math.inf
    for request_id, seconds in (("old", 10), ("new", 20), ("newest", 30)):
        scene.meter.record(record(request_id, at=NOW + timedelta(seconds=seconds)))
        assert oldest() == NOW.timestamp() + 10
    scene.meter.counted(scene.bus.identities()[:1])
    assert oldest() == NOW.timestamp() + 20
    scene.count_all()
    assert oldest() == math.inf
    scene.kill()
    scene.meter.record(record("of the next process", at=NOW + timedelta(seconds=40)))
    assert oldest() == NOW.timestamp() + 10, "which of the last one's are counted it does not know yet"


def test_a_segment_that_cannot_be_read_holds_up_no_other(scene: Scene) -> None:
    scene.meter._segment.append(b"no record of ours, and yet a whole frame")
    scene.kill()
    scene.record("r1")
    scene.meter.ship()
    assert scene.bus.request_ids() == ["r1"]


def test_the_thread_ships_on_after_whatever_went_wrong(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter_module, "SHIP_SECONDS", 0.001)
    glob, calls = Path.glob, []

    def glob_badly(folder: Path, pattern: str) -> Any:
        calls.append(1)
        if len(calls) < 3:
            scene.meter._adopt_at = 0.0
            raise PermissionError("a folder that somebody locked away")
        return glob(folder, pattern)

    monkeypatch.setattr(Path, "glob", glob_badly)
    scene.meter.start()
    scene.record("r1")
    while not scene.bus.batches:
        pass  # the test's own time limit is the deadline
    scene.meter.stop()
    assert scene.bus.request_ids() == ["r1"]


def flooded(scene: Scene, requests: int) -> None:
    for number in range(requests):
        scene.meter.record_refusal(record(f"r{number}", status=401, cost=0))


def test_refusals_beyond_ten_a_second_are_on_disk_as_one_count_when_the_second_is_over(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter_module, "REFUSALS_SECONDS", 0.001)
    before = counted_refusals()
    flooded(scene, 25)
    scene.meter.start()
    scene.clock.advance(1)
    while counted_refusals() == before:
        pass  # the test's own time limit is the deadline
    scene.meter.stop()
    written = [record for batch in scene.bus.batches for record in batch["records"]]
    assert [record[12] for record in written] == [*[1] * 10, 15]
    assert counted_refusals() - before == 15


def test_a_bus_that_holds_up_the_shipping_holds_up_no_count(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter_module, "REFUSALS_SECONDS", 0.001)
    monkeypatch.setattr(meter_module, "SHIP_SECONDS", 0.001)
    is_over, is_stuck = threading.Event(), threading.Event()

    def stuck(batch: bytes) -> None:
        is_stuck.set()
        is_over.wait()

    monkeypatch.setattr(scene.bus, "publish", stuck)
    flooded(scene, 12)
    scene.meter.start()
    is_stuck.wait()
    (path,) = scene.folder.glob("*.segment")
    before = path.read_bytes()
    scene.clock.advance(1)
    while path.read_bytes() == before:
        pass  # the test's own time limit is the deadline
    is_over.set()
    scene.meter.stop()


def test_a_clean_stop_writes_down_what_is_only_counted_yet_and_ships_it(scene: Scene) -> None:
    scene.meter.start()
    flooded(scene, 30)
    scene.meter.stop()
    written = [record for batch in scene.bus.batches for record in batch["records"]]
    assert sum(record[12] for record in written) == 30
    before = unmetered()
    flooded(scene, 30)
    assert unmetered() - before == 30


def test_a_batch_whose_last_records_a_power_cut_took_goes_out_with_the_extent_of_those_left(scene: Scene) -> None:
    scene.record(*(f"r{number}" for number in range(20)))
    scene.meter.ship()
    before = scene.bus.batches.copy()
    (path,) = scene.folder.glob("*.segment")
    whole = path.read_bytes()
    lost = before[1]["start"] - 1  # in the middle of the last record of the first batch, and all after it
    path.write_bytes(whole[:lost] + bytes(len(whole) - lost))
    scene.bus.batches.clear()
    scene.kill().ship()
    (left,) = scene.bus.batches
    assert [record[0] for record in left["records"]] == [record[0] for record in before[0]["records"][:-1]]
    frames = sum(len(msgspec.json.encode(record)) + FRAME_BYTES for record in left["records"])
    assert (left["start"], left["end"]) == (0, frames)
    scene.count_all()
    scene.meter.ship()
    assert scene.meter.is_settled(), "batches of which nothing is left are waited for by nobody"
