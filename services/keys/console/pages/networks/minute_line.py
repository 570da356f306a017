"""A minute in a line: the path of a small picture (SVG) of a channel's last minute, drawn by the server. Pure."""

from services.keys.console.pages.networks.network_states import Minute

WIDTH, HEIGHT = 240, 40


def minute_line(minute: Minute) -> str:
    """From the lowest to the highest sample of each column; where there is none, the line breaks."""
    known = [value for value in (*minute.lows, *minute.highs) if value is not None]
    lowest, highest = min(known, default=0.0), max(known, default=0.0)
    scale = (HEIGHT - 2) / (highest - lowest) if highest > lowest else 0.0
    width = WIDTH / max(1, len(minute.lows))
    parts, is_drawing = [], False
    for column, (low, high) in enumerate(zip(minute.lows, minute.highs, strict=True)):
        if low is None or high is None:
            is_drawing = False
            continue
        x, bottom, top = (column + 0.5) * width, _y(low - lowest, scale), _y(high - lowest, scale)
        parts.append(f"{'L' if is_drawing else 'M'}{x:.1f} {bottom:.1f}V{top:.1f}")
        is_drawing = True
    return "".join(parts)


def _y(above_lowest: float, scale: float) -> float:
    """From the top. Of samples that are all alike the line is in the middle."""
    return HEIGHT - 1 - above_lowest * scale if scale else HEIGHT / 2
