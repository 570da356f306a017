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

from ops.grafana.dashboards import DASHBOARDS, INTO, made
from ops.grafana.frame import RUNBOOKS, Dashboard, alerts, runbook

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


MADE = made()


@pytest.mark.parametrize("uid", MADE)
def test_what_is_kept_is_what_is_made(uid: str) -> None:
    assert (INTO / f"{uid}.json").read_text() == MADE[uid], "run `python -m ops.grafana.dashboards`"


def test_no_dashboard_is_kept_that_is_not_made() -> None:
    assert {path.stem for path in INTO.glob("*")} == MADE.keys()


@pytest.mark.parametrize("query", sorted(set(queries())))
def test_each_query_parses_and_names_metrics_that_there_are(query: str) -> None:
    promql_parser.parse(query.replace("$__rate_interval", "1m"))
    named = {SERIES_OF.sub("", name) for name in NAME.findall(query)}
    assert named <= DECLARED | RECORDED


@pytest.mark.parametrize("one", DASHBOARDS, ids=lambda one: one.uid)
def test_each_panel_says_what_it_shows_in_which_unit_and_whose_runbook_helps(one: Dashboard) -> None:
    for panel in json.loads(MADE[one.uid])["panels"]:
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["fieldConfig"]["defaults"]["noValue"]
    assert {panel.alert for panel in one.panels if panel.alert} <= ALERTS


def test_a_panel_shows_its_runbook_without_links_that_lead_nowhere_there() -> None:
    told = runbook("GrilloMessageRefused")
    assert told.startswith("An account published what it may not say")
    assert told.endswith("take its password for stolen: replace it.")
    descriptions = "".join(panel["description"] for one in DASHBOARDS for panel in json.loads(MADE[one.uid])["panels"])
    assert told in descriptions
    with pytest.raises(LookupError):
        runbook("GrilloNobody")


def test_a_panel_leads_to_its_runbook() -> None:
    """Each runbook is a panel of a dashboard of its own, whose number a link names."""
    runbooks = {panel["id"]: panel for panel in json.loads(MADE[RUNBOOKS])["panels"]}
    assert {panel["title"] for panel in runbooks.values()} == set(alerts()) == ALERTS
    for one in DASHBOARDS:
        for panel, shown in zip(one.panels, json.loads(MADE[one.uid])["panels"], strict=True):
            led_to = [runbooks[int(link["url"].rpartition("=")[2])] for link in shown.get("links", [])]
            assert [runbook["title"] for runbook in led_to] == ([panel.alert] if panel.alert else [])


def test_what_is_of_keys_leads_to_the_console_s_page_of_each() -> None:
    shown = {panel["title"]: panel for panel in json.loads(MADE["grillo-usage"])["panels"]}
    graph, rows = shown["Requests a minute, heaviest keys"], shown["Last used"]
    (link,) = graph["fieldConfig"]["defaults"]["links"]
    assert link["url"] == "${console}/console/keys/${__field.labels.key}"
    (override,) = rows["fieldConfig"]["overrides"]
    assert override["matcher"] == {"id": "byName", "options": "key"}
    assert override["properties"][0]["value"][0]["url"] == "${console}/console/keys/${__value.raw}"
    (variable,) = json.loads(MADE["grillo-usage"])["templating"]["list"]
    assert variable["name"] == "console"


@pytest.mark.parametrize("uid", MADE)
def test_what_is_kept_is_a_dashboard_of_grafana_s_own_model(uid: str) -> None:
    register_default_plugins()
    kept = (INTO / f"{uid}.json").read_text()
    loaded = dashboard.Dashboard.from_json(json.loads(kept))
    # What the model does not know is lost by loading; it writes out an empty `custom` where none is.
    assert re.sub(r'"custom": \{\},\s+', "", JSONEncoder(sort_keys=True, indent=2).encode(loaded)) == kept.strip()
