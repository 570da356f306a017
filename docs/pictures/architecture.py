"""The picture of the architecture: its words are in architecture.toml, where they stand is here."""

from typing import Any

from docs.pictures.canvas import WIDTH, Canvas, Theme

_COLUMN, _GAP, _LEFT = 154, 24, 92


def architecture(words: dict[str, Any], theme: Theme) -> str:
    canvas = Canvas(theme)
    services = words["service"]
    right = _LEFT + len(services) * _COLUMN + (len(services) - 1) * _GAP
    width = right - _LEFT
    _outside(canvas, words["integrators"], _LEFT, 18, width, 50)
    canvas.line(f"M{_LEFT + width / 2:g} 68 V96", stroke=theme.line, heads="end")
    canvas.rect(_LEFT, 98, width, 34, fill=theme.box, stroke=theme.line)
    canvas.text(_LEFT + width / 2, 120, words["front"], size=13)
    _bus(canvas, words["bus"], width)
    for number, service in enumerate(services):
        _service(canvas, service, _LEFT + number * (_COLUMN + _GAP))
    _pulls(canvas, words["pull"], len(services))
    _beside(canvas, words, right)
    for number, line in enumerate(words["footnote"].split("|")):
        canvas.text(_LEFT + width / 2, 742 + 19 * number, line, fill=theme.faint)
    return canvas.svg(780, "Architecture: gates in front of four services, RabbitMQ between them")


_GATE_TOP, _GATE_HEIGHT = 184, 56
_PULL_Y, _COUNT_Y = _GATE_TOP + 16, _GATE_TOP + 42
_BUS_TOP, _BUS_HEIGHT = 352, 118
_WORKER_TOP = 518


def _service(canvas: Canvas, service: dict[str, str], x: float) -> None:
    theme, middle = canvas.theme, x + _COLUMN / 2
    canvas.line(f"M{middle:g} 132 V{_GATE_TOP - 2}", stroke=theme.line, heads="end")
    canvas.rect(x, _GATE_TOP, _COLUMN, _GATE_HEIGHT, fill=theme.accent_box, stroke=theme.accent)
    canvas.text(middle, _GATE_TOP + 25, "gate", size=14, bold=True, fill=theme.accent)
    canvas.text(middle, _GATE_TOP + 44, "grants · quota · lease", size=11.5, fill=theme.accent)
    canvas.rect(x, _GATE_TOP + 62, _COLUMN, 44, fill=theme.box, stroke=theme.line)
    canvas.text(middle, _GATE_TOP + 80, f"{service['name']}: web", size=12.5, bold=True)
    canvas.text(middle, _GATE_TOP + 96, service["handlers"], size=11.5, fill=theme.faint)
    # between the web process and the bus: events up, metered requests down by the spool
    web_bottom = _GATE_TOP + 106
    canvas.line(f"M{x + 24:g} {_BUS_TOP} V{web_bottom + 2}", stroke=theme.bus, heads="end")
    canvas.text(x + 32, web_bottom + 36, "events", size=11.5, fill=theme.bus, anchor="start")
    canvas.line(f"M{x + 136:g} {web_bottom} V{_BUS_TOP - 2}", stroke=theme.bus, heads="end")
    canvas.text(x + 128, web_bottom + 36, "spool", size=11.5, fill=theme.bus, anchor="end")
    _events(canvas, service, x)
    canvas.line(f"M{middle:g} {_BUS_TOP + _BUS_HEIGHT + 2} V{_WORKER_TOP - 2}", stroke=theme.bus, heads="start end")
    canvas.rect(x, _WORKER_TOP, _COLUMN, 46, fill=theme.box, stroke=theme.line)
    canvas.text(middle, _WORKER_TOP + 19, f"{service['name']}: worker", size=12.5, bold=True)
    canvas.text(middle, _WORKER_TOP + 36, service["worker"], size=11.5, fill=theme.faint)
    feed = 34 if "feed" in service else 0
    if feed:
        canvas.rect(x, _WORKER_TOP + 52, _COLUMN, 28, fill=theme.accent_box, stroke=theme.accent)
        canvas.text(middle, _WORKER_TOP + 70, "internal door: feed", size=12, fill=theme.accent)
    store_top = _WORKER_TOP + 46 + 34 + 22
    canvas.line(f"M{middle:g} {_WORKER_TOP + 46 + feed:g} V{store_top - 2}", stroke=theme.line)
    canvas.cylinder(x + 14, store_top, _COLUMN - 28, 84)
    lines = service["store"].split("|")
    first = store_top + 50 - 8.5 * (len(lines) - 1)
    for number, line in enumerate(lines):
        canvas.text(middle, first + 17 * number, line, size=11.5)


def _bus(canvas: Canvas, name: str, width: float) -> None:
    theme = canvas.theme
    canvas.rect(_LEFT, _BUS_TOP, width, _BUS_HEIGHT, fill=theme.bus_box, stroke=theme.bus)
    canvas.text(_LEFT + width / 2, _BUS_TOP + 20, name, size=14, bold=True, fill=theme.bus)


def _events(canvas: Canvas, service: dict[str, str], x: float) -> None:
    theme, middle = canvas.theme, x + _COLUMN / 2
    canvas.text(middle, _BUS_TOP + 46, f"{service['name']}.events", size=12, bold=True, fill=theme.bus)
    for number, line in enumerate(service["events"].split("|")):
        canvas.text(middle, _BUS_TOP + 65 + 17 * number, line, size=11.5)


def _pulls(canvas: Canvas, label: str, count: int) -> None:
    """One line through all gates and down to the feed: each pull proves where its gate is, and renews its lease."""
    theme = canvas.theme
    left = _LEFT - 24
    for number in range(count - 1):
        end = _LEFT + number * (_COLUMN + _GAP) + _COLUMN
        canvas.line(f"M{end:g} {_PULL_Y} H{end + _GAP:g}", stroke=theme.accent)
        canvas.line(f"M{end:g} {_COUNT_Y} H{end + _GAP:g}", stroke=theme.line, dashed=True)
    feed_y = _WORKER_TOP + 66
    canvas.line(f"M{_LEFT} {_PULL_Y} H{left} V{feed_y} H{_LEFT - 2}", stroke=theme.accent, heads="end")
    for number, line in enumerate(label.split("|")):
        canvas.text(left - 8, _BUS_TOP + 30 + 16 * number, line, size=11.5, fill=theme.accent, anchor="end")


def _beside(canvas: Canvas, words: dict[str, Any], right: float) -> None:
    theme = canvas.theme
    x, w = right + 24, WIDTH - right - 36
    _outside(canvas, words["redis"], x, _GATE_TOP + 6, w, 72)
    canvas.line(f"M{right:g} {_COUNT_Y} H{x - 2:g}", stroke=theme.line, dashed=True, heads="end")
    _outside(canvas, words["receivers"], x, _WORKER_TOP - 12, w, 72)
    canvas.line(f"M{right:g} {_WORKER_TOP + 24} H{x - 2:g}", stroke=theme.line, heads="end")


def _outside(canvas: Canvas, words: str, x: float, y: float, w: float, h: float) -> None:
    theme = canvas.theme
    canvas.rect(x, y, w, h, fill=theme.page, stroke=theme.line)
    lines = words.split("|")
    first = y + h / 2 + 4.5 - 8.5 * (len(lines) - 1)
    for number, line in enumerate(lines):
        canvas.text(x + w / 2, first + 17 * number, line, size=13 if number == 0 else 11.5, bold=number == 0)
