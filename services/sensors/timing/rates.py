"""Sample rates of an era: by the device's own clock, whose stamps are even, and by true time, under whose line it runs.

Measured in the era's first two hours, each record that comes there making it better, and held from then on until it
is shown to be wrong (rate_epochs.py): every run of samples has its own true start, so a rate that is off by some
millionths displaces none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import median

import numpy as np

from services.sensors.timing.hull import PIECE_NS, End, Piece, Pieces
from services.sensors.timing.line import line

FIRST_PIECES = 7_200_000_000_000 // PIECE_NS
_SAMPLES_MIN = 64
_ROUGH_RATIO, _MISSING_RATIO = 1e-2, 2e-3
_STATED_RATIO = 0.1  # a stated rate is wrong by up to 4 %: 30.05 Hz where it says 31.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Samples per second of the device's clock, and of true time."""

    device_hz: float
    true_hz: float


def rate(pieces: Pieces, device_hz: float) -> Rate:
    """Of the first two hours of an era, which has a piece at least. `device_hz`: roughly, as `spacing_hz` finds it."""
    first = min(pieces)
    early = {number: piece for number, piece in pieces.items() if number < first + FIRST_PIECES}
    measured_hz = _measured_hz(early, device_hz)
    numbers = sorted(early)
    drawn = line(pieces, numbers[0], numbers[-1])
    ends = np.array([early[numbers[0]].first.device_ns, early[numbers[-1]].last.device_ns], dtype=np.int64)
    true = drawn.true_ns(ends)
    device_span, true_span = int(ends[1] - ends[0]), int(true[1] - true[0])
    stretch = true_span / device_span if device_span >= PIECE_NS and true_span > 0 else 1.0
    return Rate(device_hz=measured_hz, true_hz=measured_hz / stretch)


def spacing_hz(records: Iterable[End], stated_hz: float) -> float | None:
    """The usual rate from one record to the next, whatever is missing between others; None: no two are neighbours."""
    in_order = sorted(set(records))
    spacings = [
        after.samples * 1e9 / (after.device_ns - before.device_ns)
        for before, after in pairwise(in_order)
        if after.device_ns > before.device_ns
    ]
    near = [hz for hz in spacings if abs(hz / stated_hz - 1) < _STATED_RATIO]
    return len(near) / sum(1 / hz for hz in near) if near else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Samples and device time of the longest stretches without a missing record: of so many `chains` of `pieces`.

    `stray_ns`: how far a piece's samples are from even, of root mean square: as its stamps are at both ends.
    """

    samples: int
    span_ns: int
    chains: int
    pieces: int
    stray_ns: float


def counted(pieces: Pieces, rough_hz: float) -> Counted:
    """Ends of records against samples between them."""
    samples = span_ns = 0
    measured = [hz for piece in pieces.values() if (hz := _piece_hz(piece)) and abs(hz / rough_hz - 1) < _ROUGH_RATIO]
    chains = _chains(pieces, median(measured) if measured else rough_hz)
    for chain in chains:
        first, last = chain[0], chain[-1]
        samples += sum(piece.samples for piece in chain) - first.first.samples
        span_ns += last.last.device_ns - first.first.device_ns
    joined = [piece for chain in chains for piece in chain]
    strays_ns = [_length(piece) * span_ns / samples - _span_ns(piece) for piece in joined]
    return Counted(
        samples=samples,
        span_ns=span_ns,
        chains=len(chains),
        pieces=len(joined),
        stray_ns=sqrt(sum(ns * ns for ns in strays_ns) / max(len(joined), 1)),
    )


def _measured_hz(pieces: Pieces, rough_hz: float) -> float:
    found = counted(pieces, rough_hz)
    return found.samples * 1e9 / found.span_ns if found.samples and found.span_ns else rough_hz


def _piece_hz(piece: Piece) -> float | None:
    samples, span_ns = _length(piece), _span_ns(piece)
    return samples * 1e9 / span_ns if samples >= _SAMPLES_MIN and span_ns > 0 else None


def _length(piece: Piece) -> int:
    """Samples between the ends of its first and its last record."""
    return piece.samples - piece.first.samples


def _span_ns(piece: Piece) -> int:
    return piece.last.device_ns - piece.first.device_ns


def _chains(pieces: Pieces, typical_hz: float) -> list[Sequence[Piece]]:
    """Pieces in which nothing is missing, joined where nothing is missing between them."""
    chains: list[list[Piece]] = []
    before: Piece | None = None
    for number in sorted(pieces):
        piece = pieces[number]
        hz = _piece_hz(piece)
        if hz is None or abs(hz / typical_hz - 1) > _MISSING_RATIO:
            before = None
            continue
        if before is not None and _follows(before, piece, typical_hz):
            chains[-1].append(piece)
        else:
            chains.append([piece])
        before = piece
    return list(chains)


def _follows(before: Piece, piece: Piece, hz: float) -> bool:
    gap_ns = piece.first.device_ns - before.last.device_ns - piece.first.samples * 1e9 / hz
    return abs(gap_ns) < 0.5e9 / hz
