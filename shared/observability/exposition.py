"""All metrics as Prometheus reads them.

A service that runs as several processes shares them through a folder (PROMETHEUS_MULTIPROC_DIR, which the supervisor
sets), so that its internal door shows the whole service: counters added up, gauges of living processes only.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from shared.observability import metrics
from shared.observability.metric_files import MetricFiles

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def exposition(collectors: Sequence[Collector] = ()) -> bytes:
    """All metrics in Prometheus's text format: this process's, or those of all processes that share the folder.

    `collectors`: what is measured now, beside them.
    """
    metrics.request_counts.tell()
    folder = os.environ.get(FOLDER_VARIABLE)
    now = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        now.register(collector)
    if folder is None:
        return generate_latest(REGISTRY) + generate_latest(now)
    registry = CollectorRegistry()
    registry.register(MetricFiles(Path(folder)))
    return generate_latest(registry) + generate_latest(now)
