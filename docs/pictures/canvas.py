"""SVG of boxes, lines and words, in the colours of a light or a dark page."""

from html import escape
from typing import NamedTuple

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
WIDTH = 900


class Theme(NamedTuple):
    """Colours by what they mean. `accent` is for what decides: the gate, and what travels to and from it."""

    page: str
    text: str
    faint: str
    line: str
    box: str
    frame: str
    accent: str
    accent_box: str
    bus: str
    bus_box: str


THEMES = {
    "light": Theme(
        page="#ffffff",
        text="#1c1c1c",
        faint="#6a6762",
        line="#8d8983",
        box="#f4f2ee",
        frame="#d9d5ce",
        accent="#c24e12",
        accent_box="#fdeadf",
        bus="#1f6480",
        bus_box="#e4f1f6",
    ),
    "dark": Theme(
        page="#141414",
        text="#eeece8",
        faint="#a5a19a",
        line="#8a857d",
        box="#232220",
        frame="#3d3a36",
        accent="#f08a5d",
        accent_box="#3a2418",
        bus="#6fbad6",
        bus_box="#152b34",
    ),
}


class Canvas:
    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self._parts: list[str] = []

    def rect(self, x: float, y: float, w: float, h: float, *, fill: str, stroke: str, radius: float = 8) -> None:
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{radius:g}" fill="{fill}" stroke="{stroke}"/>'
        )

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 12,
        fill: str = "",
        bold: bool = False,
        anchor: str = "middle",
        halo: bool = False,
        number: int = 0,
    ) -> None:
        extra = (
            f' stroke="{self.theme.page}" stroke-width="5" paint-order="stroke" stroke-linejoin="round"' if halo else ""
        )
        weight = ' font-weight="600"' if bold else ""
        before = (
            f'<tspan fill="{self.theme.accent}" font-weight="600">{number}</tspan><tspan dx="4"> </tspan>'
            if number
            else ""
        )
        self._parts.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}" '
            f'fill="{fill or self.theme.text}"{weight}{extra}>{before}{escape(words, quote=False)}</text>'
        )

    def line(self, points: str, *, stroke: str, dashed: bool = False, heads: str = "", width: float = 1.5) -> None:
        """`heads`: which ends have an arrow, of "start" and "end"."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        kind = {self.theme.accent: "accent", self.theme.bus: "bus"}.get(stroke, "line")
        ends = "".join(f' marker-{end}="url(#{kind})"' for end in heads.split())
        self._parts.append(
            f'<path d="{points}" fill="none" stroke="{stroke}" stroke-width="{width:g}" '
            f'stroke-linejoin="round"{dash}{ends}/>'
        )

    def cylinder(self, x: float, y: float, w: float, h: float) -> None:
        top = 7
        body = (
            f"M{x:g} {y + top:g} v{h - 2 * top:g} a{w / 2:g} {top} 0 0 0 {w:g} 0 v{-(h - 2 * top):g} "
            f"a{w / 2:g} {top} 0 0 0 {-w:g} 0 a{w / 2:g} {top} 0 0 0 {w:g} 0"
        )
        self._parts.append(f'<path d="{body}" fill="{self.theme.box}" stroke="{self.theme.line}"/>')

    def svg(self, height: float, title: str) -> str:
        markers = "".join(
            f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
            f'orient="auto-start-reverse"><path d="M0 0.8 L9.5 5 L0 9.2 z" fill="{colour}"/></marker>'
            for name, colour in (
                ("line", self.theme.line),
                ("accent", self.theme.accent),
                ("bus", self.theme.bus),
            )
        )
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" '
                f'height="{height:g}" font-family="{FONT}" role="img" aria-label="{escape(title)}">',
                f"<title>{escape(title)}</title>",
                f"<defs>{markers}</defs>",
                f'<rect width="{WIDTH}" height="{height:g}" rx="10" fill="{self.theme.page}"/>',
                *self._parts,
                "</svg>\n",
            ]
        )
