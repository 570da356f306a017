"""Frame of Grafana's dashboards: what a panel and a dashboard say, and what is the same in all of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard, prometheus, timeseries
from grafana_foundation_sdk.builders.common import GraphThresholdsStyleConfig, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import DashboardLink, ThresholdsConfig
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import GraphTresholdsStyleMode, LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
)

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
HEIGHT = 8
_OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """`queries`: expression → legend. `red_from`: where somebody should look. `alert`: whose runbook it shows."""

    title: str
    shows: str
    unit: str
    queries: Mapping[str, str]
    red_from: float | None = None
    alert: str | None = None
    width: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    uid: str
    title: str
    shows: str
    panels: Sequence[Panel]


def model(one: Dashboard) -> dashboard.Dashboard:
    """The dashboard as the SDK's builder."""
    built = (
        dashboard.Dashboard(one.title)
        .uid(one.uid)
        .description(one.shows)
        .tags(["grillo"])
        .refresh("10s")
        .time("now-1h", "now")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(DashboardLink("Grillo").type(DashboardLinkType.DASHBOARDS).tags(["grillo"]).as_dropdown(True))
    )
    for panel in one.panels:
        built = built.with_panel(_panel(panel))
    return built


def _panel(panel: Panel) -> timeseries.Panel:
    told = panel.shows if panel.alert is None else f"{panel.shows}\n\n**{panel.alert}**: {runbook(panel.alert)}"
    built = (
        timeseries.Panel()
        .title(panel.title)
        .description(told)
        .datasource(SOURCE)
        .unit(panel.unit)
        .min(0)
        .no_value("No series yet: nothing of this has happened, or Prometheus does not reach the service.")
        .span(panel.width)
        .height(HEIGHT)
        .legend(
            VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM).show_legend(True)
        )
    )
    if panel.red_from is not None:
        steps = [Threshold(value=None, color="green"), Threshold(value=panel.red_from, color="red")]
        built = built.thresholds(ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)).thresholds_style(
            GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.LINE)
        )
    for number, (expression, legend) in enumerate(panel.queries.items()):
        query = prometheus.Dataquery().ref_id("ABCDEFGH"[number]).expr(expression).legend_format(legend).range()
        built = built.with_target(query)
    return built


def runbook(alert: str) -> str:
    """The text of docs/operations.md, without its links: where that page is shown, no dashboard can know."""
    section = _OPERATIONS.read_text().partition(f"\n### {alert}\n")[2]
    told = re.split(r"^##", section, maxsplit=1, flags=re.M)[0].strip()
    if not told:
        raise LookupError(f"docs/operations.md has no runbook of {alert}")
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", told)


def text(one: Dashboard) -> str:
    """The dashboard as Grafana's JSON."""
    return JSONEncoder(sort_keys=True, indent=2).encode(model(one).build()) + "\n"
