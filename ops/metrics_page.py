"""The page of all metrics, docs/metrics.md, out of what each says of itself: `python -m ops.metrics_page`.

A metric is declared with its name, its help and perhaps its labels, wherever that is; these are read, and none is run.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.usage.heaviest import NAMED_MAX

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/metrics.md"
_KINDS = {"Counter": "counter", "Gauge": "gauge", "Histogram": "histogram"}
_AT_A_SCRAPE = {"gauge", "GaugeMetricFamily"}
_BLIND = " Not: "
_HEAD = """# Metrics

What each service tells Prometheus, made of the metrics' own help texts by `python -m ops.metrics_page`. All are of the
whole service: counters of all its processes that there were, gauges of those that live; *at a scrape* is what is
measured then, of a database or a disk. What a metric does not see is said beside it.

Labels have few values: a service has at most `GATES_MAX` gates; keys and organisations are the twenty that use most,
and `other`; routes are those that are declared.

| metric | kind | labels | tells | does not see |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True, order=True)
class Declared:
    name: str
    kind: str
    labels: tuple[str, ...]
    help: str

    def row(self) -> str:
        told, _, blind = self.help.partition(_BLIND)
        labels = ", ".join(f"`{label}`" for label in self.labels)
        return f"| `{self.name}` | {self.kind} | {labels} | {told} | {blind} |"


def declared() -> list[Declared]:
    """By name."""
    sources = [path for top in ("shared", "services") for path in (ROOT / top).rglob("*.py")]
    return sorted({found for path in sources for found in _in(ast.parse(path.read_text()))})


def page() -> str:
    return _HEAD + "\n".join(metric.row() for metric in declared()) + "\n"


def _in(tree: ast.Module) -> Iterator[Declared]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and len(call.args) > 1:
            name, text = map(_text, call.args[:2])
            if not name.startswith("grillo_"):
                continue
            if call.func.id in _KINDS:
                yield Declared(name, _KINDS[call.func.id], _labels(call), text)
            elif call.func.id in _AT_A_SCRAPE:
                yield Declared(name, "gauge, at a scrape", _labels(call), text)
            elif call.func.id == "InfoMetricFamily":
                yield Declared(f"{name}_info", "info, at a scrape", ("version",), text)


def _labels(call: ast.Call) -> tuple[str, ...]:
    """A list after the help, by its name or not; or the one label of `gauge`."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "labels"]
    for node in (*named, *call.args[2:3]):
        if isinstance(node, ast.List):
            return tuple(map(_text, node.elts))
        if isinstance(node, ast.Name):  # of the heaviest: a list that is there once for all of them
            return ("organisation", "key")
        if text := _text(node):
            return (text,)
    return ()


def _text(node: ast.expr) -> str:
    """Of a literal, whose parts may be joined; of a name within braces, how many are named."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.FormattedValue):
        return _text(node.value)
    return str(NAMED_MAX) if isinstance(node, ast.Name) else ""


def main() -> None:
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
