"""Measurements made when Prometheus asks: of what lies in a database or on a disk, and in no process's memory.

They are made in a thread of their own, so that what does not answer holds no scrape up: it is left out then.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path

import structlog
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from shared.observability.exposition import exposition
from shared.observability.once_a_minute import OnceAMinute

WAIT_SECONDS = 1.0
_DISTRIBUTION = "grillo"

_log = structlog.get_logger(__name__)

Measure = Callable[[], Iterable[Metric]]


class AtScrape(Collector):
    """All measurements at once, and which of them answered. One that still runs is not begun again."""

    def __init__(self, measures: Iterable[Measure]) -> None:
        self._measurements = [_Measurement(measure) for measure in measures]

    def collect(self) -> Iterable[Metric]:
        begun = [(measurement.name, measurement.begin()) for measurement in self._measurements]
        until = time.monotonic() + WAIT_SECONDS
        answered: dict[str, float] = {}
        for name, run in begun:
            measured = run.result(until - time.monotonic()) if run is not None else None
            answered[name] = min(answered.get(name, 1.0), float(measured is not None))
            yield from measured or ()
        yield gauge(
            "grillo_measured",
            "1: what is measured at a scrape was; 0: not, for it failed, took over a second, or was being measured for"
            " another scrape: its series are missing. Not: a service that does not answer.",
            "of",
            answered,
        )


class _Run:
    """One measurement that was begun. `measured`: None if it failed."""

    def __init__(self) -> None:
        self.measured: list[Metric] | None = None
        self.done = threading.Event()

    def result(self, seconds_max: float) -> list[Metric] | None:
        return self.measured if self.done.wait(max(0.0, seconds_max)) else None


class _Measurement:
    """`name`: of the function that measures."""

    def __init__(self, measure: Measure) -> None:
        self.name = measure.__name__
        self._measure, self._running, self._lines = measure, threading.Lock(), OnceAMinute()

    def begin(self) -> _Run | None:
        """None: one is running."""
        if not self._running.acquire(blocking=False):
            return None
        run = _Run()
        threading.Thread(target=self._run, args=(run,), name="measurement", daemon=True).start()
        return run

    def _run(self, run: _Run) -> None:
        try:
            run.measured = list(self._measure())
        except Exception as error:
            if self._lines.due() is not None:
                _log.warning("not_measured", what=self.name, fault=type(error).__name__)
        finally:
            self._running.release()
            run.done.set()


def exposed(measures: Iterable[Measure]) -> Callable[[], bytes]:
    """Gives all metrics of this process's service, and what is measured then, in Prometheus's text format."""
    return partial(exposition, [AtScrape(measures)])


def gauge(name: str, documentation: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    """A gauge with one label."""
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for of, value in values.items():
        family.add_metric([of], value)
    return family


def build_info() -> Iterable[Metric]:
    yield InfoMetricFamily(
        "grillo_build", "The release that runs. Not: of which commit.", value={"version": version(_DISTRIBUTION)}
    )


def database_up(service: str, answers: Callable[[], bool]) -> Measure:
    """`answers`: whether it does."""

    def database() -> Iterable[Metric]:
        up = {service: float(answers())}
        yield gauge(
            "grillo_database_up",
            "1: the service's database answers; 0: it does not. Not: embedded, nor one that hangs (grillo_measured).",
            "service",
            up,
        )

    return database


def disk_free(folders: Mapping[str, Path]) -> Measure:
    """`folders`: what is written there → where."""

    def disk() -> Iterable[Metric]:
        told = {of: os.statvfs(folder) for of, folder in folders.items() if folder.is_dir()}
        yield gauge(
            "grillo_disk_free_bytes",
            "Bytes left on the disk of what is written there. Not: disks of databases and other servers.",
            "of",
            {of: float(disk.f_bavail * disk.f_frsize) for of, disk in told.items()},
        )
        yield gauge(
            "grillo_disk_free_files",
            "Files that can still be made there (inodes). Not: on file systems that have no number of them.",
            "of",
            {of: float(disk.f_favail) for of, disk in told.items() if disk.f_files},
        )

    return disk
