"""Dashboards and alert rules ask for what there is: each query parses, and names metrics that some service has."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import promql_parser
import pytest
import yaml

from ops.grafana.dashboards import DASHBOARDS, INTO
from ops.grafana.frame import Dashboard, text

ROOT = Path(__file__).parents[3]
RULES = [
    rule
    for name in ("recording", "alerts")
    for group in yaml.safe_load((ROOT / f"ops/prometheus/rules/{name}.yml").read_text())["groups"]
    for rule in group["rules"]
]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
ALERTS = {rule["alert"] for rule in RULES if "alert" in rule}
NAME = re.compile(r"grillo[a-z0-9_:]+")
SOURCES = [path for top in ("shared", "services") for path in (ROOT / top).rglob("*.py")]
DECLARED = {name for path in SOURCES for name in re.findall(r'"(grillo_[a-z_]+)"', path.read_text())}
# Of a histogram Prometheus has three series.
SERIES_OF = re.compile(r"_(bucket|count|sum)$")


def queries() -> Iterator[str]:
    for rule in RULES:
        yield rule["expr"]
    for one in DASHBOARDS:
        for panel in one.panels:
            yield from panel.queries


@pytest.mark.parametrize("one", DASHBOARDS, ids=lambda one: one.uid)
def test_what_is_kept_is_what_is_made(one: Dashboard) -> None:
    assert (INTO / f"{one.uid}.json").read_text() == text(one), "run `python -m ops.grafana.dashboards`"


def test_no_dashboard_is_kept_that_is_not_made() -> None:
    assert {path.stem for path in INTO.glob("*")} == {one.uid for one in DASHBOARDS}


@pytest.mark.parametrize("query", sorted(set(queries())))
def test_each_query_parses_and_names_metrics_that_there_are(query: str) -> None:
    promql_parser.parse(query.replace("$__rate_interval", "1m"))
    named = {SERIES_OF.sub("", name) for name in NAME.findall(query)}
    assert named <= DECLARED | RECORDED


@pytest.mark.parametrize("one", DASHBOARDS, ids=lambda one: one.uid)
def test_each_panel_says_what_it_shows_in_which_unit_and_whose_runbook_helps(one: Dashboard) -> None:
    for panel in json.loads(text(one))["panels"]:
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["fieldConfig"]["defaults"]["noValue"]
    assert {panel.alert for panel in one.panels if panel.alert} <= ALERTS
