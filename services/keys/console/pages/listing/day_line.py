"""A day in a line: a key's requests by hour as the path of a small picture (SVG), drawn by the server. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

HOUR_WIDTH, HEIGHT = 4, 20
_GAP = 1
_LEAST = 2  # what is seen of a single request beside thousands


class DayLine(NamedTuple):
    """`whole`: bars of all requests; `part`: of those refused or failed. `width`: of the whole, HEIGHT high."""

    whole: str
    part: str
    width: int


def day_line(requests: Sequence[int], refused: Sequence[int]) -> DayLine:
    """By hour, the oldest first. The highest hour of the key itself takes the whole height."""
    most = max(requests, default=0)
    return DayLine(_bars(requests, most), _bars(refused, most), len(requests) * HOUR_WIDTH)


def _bars(numbers: Sequence[int], most: int) -> str:
    width = HOUR_WIDTH - _GAP
    heights = [max(_LEAST, round(number / most * HEIGHT)) if number else 0 for number in numbers]
    return "".join(
        f"M{hour * HOUR_WIDTH} {HEIGHT}v-{height}h{width}v{height}z" for hour, height in enumerate(heights) if height
    )
