"""A measurement that hangs or fails is left out of a scrape, which goes on; the next one measures again."""

import os
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest
from prometheus_client import Metric

from shared.observability import at_scrape
from shared.observability.at_scrape import AtScrape, disk_free, gauge
from shared.observability.exposition import exposition


def one() -> Iterable[Metric]:
    yield gauge("grillo_example", "An example.", "of", {"this": 1.0})


def told(collector: AtScrape) -> dict[str, float]:
    """Series by their label `of`, and whether each measurement answered."""
    return {sample.labels["of"]: sample.value for family in collector.collect() for sample in family.samples}


def test_what_is_measured_is_beside_the_process_s_own() -> None:
    text = exposition([AtScrape([one])]).decode()
    assert 'grillo_example{of="this"} 1.0' in text
    assert 'grillo_measured{of="one"} 1.0' in text
    assert "grillo_requests_total" in text


def test_what_hangs_is_left_out_and_not_started_again_before_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_scrape, "WAIT_SECONDS", 0.01)
    let_go, started = threading.Event(), []

    def hangs() -> Iterable[Metric]:
        started.append(threading.current_thread())
        let_go.wait(60)
        return one()

    collector = AtScrape([hangs])
    assert [told(collector), told(collector)] == [{"hangs": 0}] * 2
    let_go.set()
    (thread,) = started
    thread.join(60)
    monkeypatch.setattr(at_scrape, "WAIT_SECONDS", 60)
    assert told(collector) == {"this": 1, "hangs": 1}


def test_all_are_begun_before_one_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_scrape, "WAIT_SECONDS", 60)
    both = threading.Barrier(2)

    def first() -> Iterable[Metric]:
        both.wait(60)
        return one()

    def second() -> Iterable[Metric]:
        both.wait(60)
        return []

    assert told(AtScrape([first, second])) == {"this": 1, "first": 1, "second": 1}


def test_what_fails_is_left_out_each_time_and_said_so() -> None:
    def fails() -> Iterable[Metric]:
        raise OSError

    collector = AtScrape([fails, one])
    assert [told(collector), told(collector)] == [{"this": 1, "fails": 0, "one": 1}] * 2


@pytest.mark.parametrize(("files", "told_files"), [((1000, 40), {"spool": 40.0}), ((0, 0), {})])
def test_a_disk_tells_its_bytes_and_the_files_that_it_still_takes(
    files: tuple[int, int], told_files: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_all, free = files  # 0 of 0: a file system that has no number of them
    disk = os.statvfs_result((4096, 4096, 100, 50, 30, in_all, free + 5, free, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _folder: disk)
    families = disk_free({"spool": tmp_path, "away": tmp_path / "away"})()
    found = {family.name: {sample.labels["of"]: sample.value for sample in family.samples} for family in families}
    assert found == {"grillo_disk_free_bytes": {"spool": 30 * 4096.0}, "grillo_disk_free_files": told_files}
