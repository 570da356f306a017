"""Pictures of the dashboards' figures, as PNG: `python -m ops.grafana.pictures PROMETHEUS FOLDER [--minutes 10]`.

Grafana itself is in no package registry here. What it would ask, this asks a Prometheus (`make stack` tells its
address), and draws each dashboard as one picture: the same panels in the same order, over the last minutes.
"""

import argparse
import io
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from PIL import Image

from ops.grafana.dashboards import DASHBOARDS
from ops.grafana.frame import NO_VALUE, Dashboard, Panel

Series = dict[str, Any]
STEPS = 120
_LEGENDS_MAX, _LABEL_MAX, _ROWS_MAX = 6, 40, 8
_WIDTH, _PANEL_HEIGHT, _DPI, _COLOURS = 13.0, 2.5, 80, 64
_SUFFIX = {"s": " s", "reqps": " /s", "cps": " /s"}
_open = build_opener(ProxyHandler({})).open


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    label: str
    minutes: list[float]
    values: list[float]


class Source:
    """A Prometheus, and the minutes until now."""

    def __init__(self, url: str, minutes: float) -> None:
        self._url, self._end = url.rstrip("/"), time.time()
        self._start, self._step = self._end - minutes * 60, max(1.0, minutes * 60 / STEPS)

    def range(self, query: str) -> list[Series]:
        asked = {"query": _as_asked(query), "start": self._start, "end": self._end, "step": self._step}
        return self._ask("query_range", asked)

    def now(self, query: str) -> list[Series]:
        return self._ask("query", {"query": _as_asked(query), "time": self._end})

    def minutes_ago(self, moment: float) -> float:
        return (moment - self._end) / 60

    def _ask(self, how: str, asked: dict[str, Any]) -> list[Series]:
        with _open(f"{self._url}/api/v1/{how}?{urlencode(asked)}", timeout=30) as answer:
            found: list[Series] = json.load(answer)["data"]["result"]
        return found


def draw(one: Dashboard, source: Source) -> bytes:
    """A PNG of few colours, since most of it is one."""
    rows: list[list[Panel]] = []
    for panel in one.panels:
        is_beside = rows and len(rows[-1]) == 1 and rows[-1][0].width == panel.width == 12
        rows = [*rows[:-1], [*rows[-1], panel]] if is_beside else [*rows, [panel]]
    figure = Figure(figsize=(_WIDTH, _PANEL_HEIGHT * len(rows) + 0.5), dpi=_DPI, layout="constrained")
    figure.suptitle(one.title, x=0.01, ha="left", fontweight="bold")
    grid = figure.add_gridspec(len(rows), 2)
    for number, row in enumerate(rows):
        for place, panel in enumerate(row):
            axes = figure.add_subplot(grid[number, :] if panel.width > 12 else grid[number, place])
            axes.set_title(panel.title, loc="left", fontsize=10)
            (_draw_table if panel.is_table else _draw_graph)(axes, panel, source)
    raw, png = io.BytesIO(), io.BytesIO()
    figure.savefig(raw)
    Image.open(raw).convert("RGB").quantize(_COLOURS).save(png, "PNG", optimize=True)
    return png.getvalue()


def _draw_graph(axes: Axes, panel: Panel, source: Source) -> None:
    lines = [line for query, legend in panel.queries.items() for line in _lines(query, legend, source)]
    if not lines:
        _say_nothing(axes)
        return
    lines.sort(key=lambda line: -max(line.values))
    for number, line in enumerate(lines):
        label = line.label if number < _LEGENDS_MAX else None
        axes.plot(line.minutes, line.values, linewidth=1.2, label=label, marker="." if len(line.values) == 1 else None)
    top, bottom = (how(how(line.values) for line in lines) for how in (max, min))
    axes.set_ylim(min(0.0, bottom), 1.1 * top if top > 0 else 1.0)
    if panel.red_from is not None:
        axes.axhline(panel.red_from, color="red", linewidth=0.8, linestyle="--")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: formatted(value, panel.unit)))
    axes.grid(visible=True, linewidth=0.3)
    axes.tick_params(labelsize=8)
    columns = 4 if panel.width > 12 else 2 if max(len(line.label) for line in lines) > _LABEL_MAX // 2 else 3
    axes.legend(
        fontsize=7, frameon=False, borderaxespad=0.0, loc="upper left", bbox_to_anchor=(0.0, -0.12), ncols=columns
    )


def _draw_table(axes: Axes, panel: Panel, source: Source) -> None:
    (query,) = panel.queries
    found = sorted(source.now(query), key=lambda series: -float(series["value"][1]))[:_ROWS_MAX]
    if not found:
        _say_nothing(axes)
        return
    axes.axis("off")
    labels = [name for name in found[0]["metric"] if name not in ("__name__", "instance", "job", "service")]
    rows = [
        [*(series["metric"].get(name, "") for name in labels), formatted(float(series["value"][1]), panel.unit)]
        for series in found
    ]
    table = axes.table(rows, colLabels=[*labels, ""], loc="upper left", cellLoc="left", edges="horizontal")
    table.auto_set_font_size(False)
    table.set_fontsize(7)
    table.auto_set_column_width(list(range(len(labels) + 1)))


def _say_nothing(axes: Axes) -> None:
    axes.axis("off")
    axes.text(0.5, 0.5, NO_VALUE, ha="center", va="center", fontsize=8, wrap=True)


def formatted(value: float, unit: str) -> str:
    """As Grafana writes it, more or less."""
    if unit == "percentunit":
        return f"{value:.4g}" if not math.isfinite(value) else f"{value * 100:.3g} %"
    if unit == "bytes":
        for name in ("B", "KiB", "MiB"):
            if abs(value) < 1024:
                return f"{value:.3g} {name}"
            value /= 1024
        return f"{value:.3g} GiB"
    if unit == "s" and 0 < abs(value) < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:,.4g}{_SUFFIX.get(unit, '')}"


def _lines(query: str, legend: str, source: Source) -> Iterator[Line]:
    """Without what is no number: of a line of infinities nothing is drawn."""
    for series in source.range(query):
        points = [(source.minutes_ago(at), float(value)) for at, value in series["values"]]
        shown = [point for point in points if math.isfinite(point[1])]
        if shown:
            minutes, values = map(list, zip(*shown, strict=True))
            yield Line(label=_label(legend, series["metric"]), minutes=minutes, values=values)


def _label(legend: str, metric: dict[str, str]) -> str:
    for name, value in metric.items():
        legend = legend.replace(f"{{{{{name}}}}}", value)
    return legend if len(legend) <= _LABEL_MAX else f"{legend[: _LABEL_MAX - 1]}…"


def _as_asked(query: str) -> str:
    return query.replace("$__rate_interval", "1m")


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m ops.grafana.pictures")
    asked.add_argument("prometheus")
    asked.add_argument("folder", type=Path)
    asked.add_argument("--minutes", type=float, default=10)
    told = asked.parse_args()
    matplotlib.use("agg")
    source = Source(told.prometheus, told.minutes)
    for one in DASHBOARDS:
        (told.folder / f"{one.uid}.png").write_bytes(draw(one, source))


if __name__ == "__main__":
    main()
