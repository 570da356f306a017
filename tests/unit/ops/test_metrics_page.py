"""Each metric has its line in docs/metrics.md: what it tells, its labels, and what it does not see."""

import re

import pytest
from prometheus_client import REGISTRY

from ops.metrics_page import PAGE, ROOT, Declared, declared, page
from shared.observability import metrics, saturation

METRICS = declared()
IMPORTED = (metrics, saturation)


def test_the_page_is_what_the_metrics_say_of_themselves() -> None:
    assert PAGE.read_text() == page(), "run `python -m ops.metrics_page`"


def test_no_metric_is_overlooked() -> None:
    """By another reading of the sources, and by what the process that imports them has."""
    sources = [path.read_text() for top in ("shared", "services") for path in (ROOT / top).rglob("*.py")]
    quoted = {name for text in sources for name in re.findall(r'^ +"(grillo_[a-z_]+)",$', text, re.M)}
    assert quoted <= {metric.name for metric in METRICS}
    registered = {family.name for family in REGISTRY.collect() if family.name.startswith("grillo_")}
    assert len(registered) > len(IMPORTED)
    assert registered <= {metric.name.removesuffix("_total") for metric in METRICS}


def test_each_is_declared_once() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_each_says_what_it_does_not_see(metric: Declared) -> None:
    told, _, blind = metric.help.partition(" Not: ")
    assert told
    assert blind.endswith(".")
