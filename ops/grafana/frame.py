"""Frame of Grafana's dashboards: what a panel and a dashboard say, and what is the same in all of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from grafana_foundation_sdk.builders import dashboard, prometheus, table, text, timeseries
from grafana_foundation_sdk.builders.common import GraphThresholdsStyleConfig, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import DashboardLink, TextBoxVariable, ThresholdsConfig
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import GraphTresholdsStyleMode, LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
HEIGHT = 8
NO_VALUE = "No series yet: nothing of this has happened, or Prometheus does not reach the service."
RUNBOOKS = "grillo-runbooks"
# Where the console is; a box above each dashboard that has such links sets another address.
CONSOLE = "http://127.0.0.1:8000"
_KEY_S_PAGE = "${console}/console/keys/"
Kind = TypeVar("Kind", timeseries.Panel, table.Panel)
_OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """`queries`: expression → legend. `red_from`: where somebody should look. `alert`: whose runbook it shows.

    `by_key`: what it shows is of keys by their label `key`, and leads to the console's page of each. `is_table`: rows
    as they are now, the largest first; of one query.
    """

    title: str
    shows: str
    unit: str
    queries: Mapping[str, str]
    red_from: float | None = None
    alert: str | None = None
    width: int = 12
    by_key: bool = False
    is_table: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    uid: str
    title: str
    shows: str
    panels: Sequence[Panel]


def model(one: Dashboard) -> dashboard.Dashboard:
    """The dashboard as the SDK's builder."""
    built = _empty(one.uid, one.title, one.shows)
    if any(panel.by_key for panel in one.panels):
        built = built.with_variable(TextBoxVariable("console").label("Console").default_value(CONSOLE))
    for panel in one.panels:
        built = built.with_panel(_table(panel) if panel.is_table else _graph(panel))
    return built


def runbooks() -> dashboard.Dashboard:
    """A page of all runbooks, to which panels lead."""
    built = _empty(RUNBOOKS, "Grillo: runbooks", "What each alert means, and what to do.")
    for number, alert in enumerate(alerts(), 1):
        built = built.with_panel(
            text.Panel().id(number).title(alert).mode(TextMode.MARKDOWN).content(runbook(alert)).span(12).height(HEIGHT)
        )
    return built


def alerts() -> list[str]:
    """Those that have a runbook, in its order."""
    return re.findall(r"^### (Grillo\w+)$", _operations(), re.M)


def runbook(alert: str) -> str:
    """The text of docs/operations.md, without its links: where that page is shown, no dashboard can know."""
    section = _operations().partition(f"\n### {alert}\n")[2]
    told = re.split(r"^##", section, maxsplit=1, flags=re.M)[0].strip()
    if not told:
        raise LookupError(f"docs/operations.md has no runbook of {alert}")
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", told)


def text_of(built: dashboard.Dashboard) -> str:
    """The dashboard as Grafana's JSON."""
    return JSONEncoder(sort_keys=True, indent=2).encode(built.build()) + "\n"


def _empty(uid: str, title: str, shows: str) -> dashboard.Dashboard:
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(shows)
        .tags(["grillo"])
        .refresh("10s")
        .time("now-1h", "now")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(DashboardLink("Grillo").type(DashboardLinkType.DASHBOARDS).tags(["grillo"]).as_dropdown(True))
    )


def _graph(panel: Panel) -> timeseries.Panel:
    built = _framed(timeseries.Panel(), panel).min(0)
    built = built.legend(
        VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM).show_legend(True)
    )
    if panel.by_key:
        built = built.data_links([_link("The key in the console", _KEY_S_PAGE + "${__field.labels.key}")])
    if panel.red_from is not None:
        built = built.thresholds(_thresholds(panel.red_from)).thresholds_style(
            GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.LINE)
        )
    for number, (expression, legend) in enumerate(panel.queries.items()):
        built = built.with_target(_query(number, expression).legend_format(legend).range())
    return built


def _table(panel: Panel) -> table.Panel:
    (expression,) = panel.queries
    built = _framed(table.Panel(), panel).show_header(True)
    built = built.with_target(_query(0, f"sort_desc({expression})").format(PromQueryFormat.TABLE).instant())
    hidden = dict.fromkeys(("Time", "__name__", "instance", "job", "service"), True)
    built = built.with_transformation(DataTransformerConfig("organize", options={"excludeByName": hidden}))
    if panel.by_key:
        link = {"title": "The key in the console", "url": _KEY_S_PAGE + "${__value.raw}"}
        built = built.override_by_name("key", [DynamicConfigValue("links", [link])])
    return built if panel.red_from is None else built.thresholds(_thresholds(panel.red_from))


def _framed(built: Kind, panel: Panel) -> Kind:
    told = panel.shows
    if panel.alert is not None:
        told += f"\n\n**{panel.alert}**: {runbook(panel.alert)}"
        number = alerts().index(panel.alert) + 1
        built = built.links([_link(f"Runbook: {panel.alert}", f"/d/{RUNBOOKS}?viewPanel={number}")])
    return (
        built.title(panel.title)
        .description(told)
        .datasource(SOURCE)
        .unit(panel.unit)
        .no_value(NO_VALUE)
        .span(panel.width)
        .height(HEIGHT)
    )


def _query(number: int, expression: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().ref_id("ABCDEFGH"[number]).expr(expression)


def _link(title: str, url: str) -> DashboardLink:
    return DashboardLink(title).type(DashboardLinkType.LINK).url(url).target_blank(True)


def _thresholds(red_from: float) -> ThresholdsConfig:
    steps = [Threshold(value=None, color="green"), Threshold(value=red_from, color="red")]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


@cache
def _operations() -> str:
    return _OPERATIONS.read_text()
