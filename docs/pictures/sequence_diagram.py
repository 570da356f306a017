"""Sequence diagrams from a small part of Mermaid's language, which pages that know Mermaid can show, too."""

import re

from docs.pictures.canvas import WIDTH, Canvas, Theme

_PARTICIPANT = re.compile(r"participant (\w+) as (.+)")
_MESSAGE = re.compile(r"(\w+)(-?->>)(\w+): (.+)")
_NOTE = re.compile(r"Note over (\w+)(?:,(\w+))?: (.+)")
_HEAD, _STEP = 46, 38


def sequence_diagram(source: str, theme: Theme) -> str:
    """Of Mermaid: participants, messages (->> and -->> for answers), notes over one lane or from one to another."""
    lanes: dict[str, str] = {}
    steps: list[re.Match[str]] = []
    for line in map(str.strip, source.splitlines()):
        if found := _PARTICIPANT.fullmatch(line):
            lanes[found[1]] = found[2]
        elif found := _MESSAGE.fullmatch(line) or _NOTE.fullmatch(line):
            steps.append(found)
        elif line not in ("sequenceDiagram", "autonumber", ""):
            raise ValueError(f"not understood: {line}")
    canvas = Canvas(theme)
    pitch = (WIDTH - 20) / len(lanes)
    middle = {name: 10 + pitch * (number + 0.5) for number, name in enumerate(lanes)}
    bottom = 16 + _HEAD + _STEP * len(steps) + 24
    for name, words in lanes.items():
        canvas.line(f"M{middle[name]:g} {16 + _HEAD} V{bottom}", stroke=theme.frame, width=1)
        _lane(canvas, words, middle[name], pitch - 8)
    number = 0
    for place, step in enumerate(steps):
        y = 16 + _HEAD + _STEP * (place + 1)
        if step.re is _MESSAGE:
            number += 1
            _message(canvas, step, middle, y, number)
        else:
            _note(canvas, step, middle, y)
    return canvas.svg(bottom + 14, " to ".join(words.split("<br/>")[0] for words in lanes.values()))


def _lane(canvas: Canvas, words: str, x: float, width: float) -> None:
    theme = canvas.theme
    is_gate = words.split("<br/>")[0].endswith("gate")
    stroke, fill = (theme.accent, theme.accent_box) if is_gate else (theme.line, theme.box)
    canvas.rect(x - width / 2, 14, width, _HEAD, fill=fill, stroke=stroke)
    name, *place = words.split("<br/>")
    canvas.text(x, 14 + (_HEAD / 2 + 4.5 if not place else 20), name, size=_fitting(name, 12.5, width), bold=True)
    if place:
        canvas.text(x, 14 + 37, place[0], size=_fitting(place[0], 11, width), fill=theme.faint)


def _fitting(words: str, size: float, width: float) -> float:
    """Smaller where the words would touch their box: a letter is taken to be 0.58 of its size, in any font."""
    return min(size, round((width - 10) / (0.58 * len(words)), 1))


def _message(canvas: Canvas, step: re.Match[str], middle: dict[str, float], y: float, number: int) -> None:
    theme = canvas.theme
    start, end, is_answer = middle[step[1]], middle[step[3]], step[2] == "-->>"
    way = 1 if end > start else -1
    stroke = theme.line if is_answer else theme.accent
    canvas.line(f"M{start:g} {y} H{end - way * 2:g}", stroke=stroke, dashed=is_answer, heads="end")
    canvas.text((start + end) / 2, y - 7, step[4], size=11.5, halo=True, number=number)


def _note(canvas: Canvas, step: re.Match[str], middle: dict[str, float], y: float) -> None:
    theme = canvas.theme
    first, last = middle[step[1]], middle[step[2] or step[1]]
    half = (last - first) / 2 + (42 if step[2] else 0.3 * 11.5 * len(step[3]) + 12)
    centre = min(max((first + last) / 2, half + 12), WIDTH - 12 - half)
    canvas.rect(centre - half, y - 21, 2 * half, 27, fill=theme.bus_box, stroke=theme.bus, radius=6)
    canvas.text(centre, y - 3.5, step[3], size=11.5)
