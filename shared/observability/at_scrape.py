"""Measurements made when Prometheus asks: of what lies in a database or on a disk, and in no process's memory.

They are made in a thread of their own, so that what does not answer holds no scrape up: it is left out then.
"""

import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path

import structlog
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from shared.observability import metrics
from shared.observability.once_a_minute import OnceAMinute

WAIT_SECONDS = 1.0
_DISTRIBUTION = "grillo"

_log = structlog.get_logger(__name__)

Measure = Callable[[], Iterable[Metric]]


class AtScrape(Collector):
    """One measurement at a time: while one is waited for, scrapes go without it."""

    def __init__(self, measure: Measure) -> None:
        self._measure, self._running = measure, threading.Lock()
        self._lines = OnceAMinute()

    def collect(self) -> Iterable[Metric]:
        if not self._running.acquire(blocking=False):
            return []
        measured: list[Metric] = []
        done = threading.Event()
        threading.Thread(target=self._run, args=(measured, done), name="measurement", daemon=True).start()
        return measured if done.wait(WAIT_SECONDS) else []

    def _run(self, measured: list[Metric], done: threading.Event) -> None:
        try:
            measured += self._measure()
            done.set()
        except Exception as error:
            if self._lines.due() is not None:
                _log.warning("not_measured", what=self._measure.__name__, fault=type(error).__name__)
            done.set()
        finally:
            self._running.release()


def exposed(measures: Iterable[Measure]) -> Callable[[], bytes]:
    """Gives all metrics of this process's service, and what is measured then, in Prometheus's text format."""
    return partial(metrics.exposition, [AtScrape(measure) for measure in measures])


def gauge(name: str, documentation: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    """A gauge with one label."""
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for of, value in values.items():
        family.add_metric([of], value)
    return family


def build_info() -> Iterable[Metric]:
    yield InfoMetricFamily("grillo_build", "The release that runs.", value={"version": version(_DISTRIBUTION)})


def disk_free(folders: Mapping[str, Path]) -> Measure:
    """`folders`: what is written there → where."""

    def disk() -> Iterable[Metric]:
        free = {of: float(shutil.disk_usage(folder).free) for of, folder in folders.items() if folder.is_dir()}
        yield gauge("grillo_disk_free_bytes", "Bytes left on the disk of what is written there.", "of", free)

    return disk
