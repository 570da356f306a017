"""Dashboards and alert rules ask for what there is: each query parses, and names metrics that some service has."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard

from ops.grafana.dashboards import DASHBOARDS, INTO
from ops.grafana.frame import Dashboard, runbook, text

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


def test_a_panel_shows_its_runbook_without_links_that_lead_nowhere_there() -> None:
    told = runbook("GrilloMessageRefused")
    assert told.startswith("An account published what it may not say")
    assert told.endswith("take its password for stolen: replace it.")
    descriptions = "".join(panel["description"] for one in DASHBOARDS for panel in json.loads(text(one))["panels"])
    assert told in descriptions
    with pytest.raises(LookupError):
        runbook("GrilloNobody")


@pytest.mark.parametrize("one", DASHBOARDS, ids=lambda one: one.uid)
def test_what_is_kept_is_a_dashboard_of_grafana_s_own_model(one: Dashboard) -> None:
    register_default_plugins()
    kept = (INTO / f"{one.uid}.json").read_text()
    loaded = dashboard.Dashboard.from_json(json.loads(kept))
    # What the model does not know is lost by loading; it writes out an empty `custom` where none is.
    assert re.sub(r'"custom": \{\},\s+', "", JSONEncoder(sort_keys=True, indent=2).encode(loaded)) == kept.strip()
