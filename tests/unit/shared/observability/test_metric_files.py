"""Counts of processes that are gone are kept in one file a type, read exactly once, whatever step a kill falls into."""

import math
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from shared.observability.metric_files import MetricFiles

DEAD = 2**22 + 1  # beyond what Linux numbers processes by
LIVING = os.getpid()


def write(folder: Path, file: str, values: dict[str, float]) -> None:
    """`values`: by label, of a metric that is named after the file's type."""
    name = f"grillo_{file.partition('_')[0]}"
    written = MmapedDict(folder / file)  # type: ignore[no-untyped-call]
    for label, value in values.items():
        key = mmap_key(name, f"{name}_total", ["of"], [label], "Help.")
        written.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
    written.close()  # type: ignore[no-untyped-call]


def observe(folder: Path, process: int, buckets: dict[str, int], total: float) -> None:
    written = MmapedDict(folder / f"histogram_{process}.db")  # type: ignore[no-untyped-call]
    for bound, number in buckets.items():
        key = mmap_key("grillo_seconds", "grillo_seconds_bucket", ["le"], [bound], "Help.")
        written.write_value(key, number, 0.0)  # type: ignore[no-untyped-call]
    written.write_value(mmap_key("grillo_seconds", "grillo_seconds_sum", [], [], "Help."), total, 0.0)  # type: ignore[no-untyped-call]
    written.close()  # type: ignore[no-untyped-call]


def shown(folder: Path) -> dict[tuple[str, str], float]:
    """By name and label."""
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for metric in MetricFiles(folder).collect()
        for sample in metric.samples
    }


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.rglob("*.db"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of three processes that are gone, and of one that lives."""
    for number in (1, 2, 3):
        write(tmp_path, f"counter_{DEAD + number}.db", {"a": number, "b": 10 * number})
        write(tmp_path, f"gauge_livesum_{DEAD + number}.db", {"a": 1})
        observe(tmp_path, DEAD + number, {"0.1": number, "+Inf": 1}, 0.25 * number)
    write(tmp_path, f"counter_{LIVING}.db", {"a": 100, "c": 1})
    write(tmp_path, f"gauge_livesum_{LIVING}.db", {"a": 7})
    return tmp_path


TOTALS = {
    ("grillo_counter_total", "a"): 106,
    ("grillo_counter_total", "b"): 60,
    ("grillo_counter_total", "c"): 1,
    ("grillo_gauge_total", "a"): 7,
    ("grillo_seconds_bucket", "0.1"): 6,
    ("grillo_seconds_bucket", "+Inf"): 9,
    ("grillo_seconds_count", ""): 9,
    ("grillo_seconds_sum", ""): 1.5,
}
KEPT = [f"counter_{LIVING}.db", "counter_past.db", f"gauge_livesum_{LIVING}.db", "histogram_past.db"]


def test_what_the_dead_counted_is_shown_as_before_out_of_one_file_a_type(folder: Path) -> None:
    for _ in range(2):
        assert shown(folder) == TOTALS
        assert files(folder) == sorted(KEPT)


def test_who_dies_later_is_added_to_the_past_and_one_with_the_number_of_another_too(folder: Path) -> None:
    shown(folder)
    for _ in range(2):
        write(folder, f"counter_{DEAD + 1}.db", {"a": 1000})
        shown(folder)
    assert shown(folder)["grillo_counter_total", "a"] == 2106
    assert files(folder) == sorted(KEPT)


def test_a_kill_at_any_step_neither_loses_a_count_nor_shows_one_twice(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    steps_left = math.inf

    def step(call: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*arguments: Any, **named: Any) -> Any:
            nonlocal steps_left
            if steps_left == 0:
                raise Killed
            steps_left -= 1
            return call(*arguments, **named)

        return stepping

    for name in ("rename", "mkdir", "unlink", "rmdir"):
        monkeypatch.setattr(os, name, step(getattr(os, name)))
    monkeypatch.setattr(MmapedDict, "write_value", step(MmapedDict.write_value))
    kills = 0
    for number in count():
        write(folder, f"counter_{DEAD}.db", {"a": 1})
        expected = TOTALS | {("grillo_counter_total", "a"): 107 + number}
        steps_left = number
        try:
            shown(folder)
        except Killed:
            kills += 1
        else:
            break
        steps_left = math.inf
        assert shown(folder) == expected, f"killed before step {number}"
        assert files(folder) == sorted(KEPT)
        assert len(list(folder.glob("past.*"))) == 1
    assert kills > 6, "each of: move, make the folder, write, name it, remove the older"


@pytest.mark.parametrize("what", [b"", b"\xff\x00\x00\x00", b"\x00\x01\x00\x00\x00\x00\x00\x00\xff\x00\x00\x00"])
def test_a_file_that_cannot_be_read_is_left_out_and_removed_once_its_process_is_gone(folder: Path, what: bytes) -> None:
    cut = folder / f"counter_{DEAD + 9}.db"
    cut.write_bytes(what)
    assert shown(folder) == TOTALS
    assert not cut.exists()
    living = folder / f"histogram_{LIVING}.db"
    living.write_bytes(what)
    assert shown(folder) == TOTALS
    assert living.read_bytes() == what
    living.unlink()
    observe(folder, LIVING, {"0.1": 1}, 0.25)
    assert shown(folder)["grillo_seconds_count", ""] == 10
