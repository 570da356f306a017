"""Rate epochs of an era: after its first two hours a rate is held until it is shown to be wrong.

Each window of device time is measured by all that is there of it, as the first two hours are, together with how far
that can be off. A window whose rate is further from the held one than half an interval in an hour, whatever the
measure is off, begins an epoch. So no single message and no lateness begins one by chance, and what is decided
depends on what is there alone, not on the order of its coming. Pure.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.sensors.timing.hull import PIECE_NS, Pieces
from services.sensors.timing.line import line
from services.sensors.timing.rates import FIRST_PIECES, counted

WINDOW_PIECES = 192
"""Of device time, 3.4 hours: shorter windows tell a rate hardly better than by what it may be wrong."""

_OFF_MAX, _HOUR = 0.5, 3600  # intervals, seconds
_DEVIATIONS = 4.0
_ROUNDED_NS = 1e6 / math.sqrt(6)  # of two stamps in whole milliseconds, of root mean square: few pieces may show less
_UNTOLD = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """Samples from that device time on have that rate by true time; the time is between two samples."""

    from_ns: int
    true_hz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRate:
    """`doubt`: by which ratio the rate may be off. `from_ns`: as an epoch's that begins with the window."""

    from_ns: int
    true_hz: float
    doubt: float

    def shows_wrong(self, held_hz: float) -> bool:
        return abs(self.true_hz / held_hz - 1) - self.doubt > _OFF_MAX / held_hz / _HOUR


def window_rate(pieces: Pieces, window: int, device_hz: float) -> WindowRate:
    """`pieces`: some in the window with that number, and those that a line is drawn with. `device_hz`: roughly."""
    first, last = window * WINDOW_PIECES, (window + 1) * WINDOW_PIECES - 1
    numbers = [number for number in sorted(pieces) if first <= number <= last]
    inside = {number: pieces[number] for number in numbers}
    from_ns = max((pieces[number].last.device_ns for number in pieces if number < first), default=first * PIECE_NS)
    from_ns += round(0.5e9 / device_hz)
    found = counted(inside, device_hz)
    ends = np.array([inside[numbers[0]].first.device_ns, inside[numbers[-1]].last.device_ns], dtype=np.int64)
    drawn = line(pieces, first, last)
    true = drawn.true_ns(ends)
    device_span, true_span = int(ends[1] - ends[0]), int(true[1] - true[0])
    if not found.span_ns or device_span < PIECE_NS or true_span <= 0:
        return WindowRate(from_ns=from_ns, true_hz=device_hz, doubt=_UNTOLD)
    stray_ns = max(found.stray_ns, _ROUNDED_NS) * (1 + 2 / math.sqrt(found.pieces))
    off_ns = _DEVIATIONS * stray_ns * math.sqrt(found.chains)
    return WindowRate(
        from_ns=from_ns,
        true_hz=found.samples * 1e9 / found.span_ns * device_span / true_span,
        doubt=off_ns / found.span_ns + 2 * drawn.uncertainty_ns / device_span,
    )


def epochs(first_piece: int, rate_hz: float, windows: Mapping[int, WindowRate]) -> tuple[Epoch, ...]:
    """Of an era that begins with that piece and rate, in order; by number of the window."""
    held_hz, found = rate_hz, list[Epoch]()
    for number in sorted(windows):
        window = windows[number]
        if number * WINDOW_PIECES >= first_piece + FIRST_PIECES and window.shows_wrong(held_hz):
            held_hz = window.true_hz
            found.append(Epoch(from_ns=window.from_ns, true_hz=held_hz))
    return tuple(found)
