"""Clock of one era while records arrive: its hulls grow, and rates and lines follow when that moves a sample.

Rows keep the line they were timed by until a newer one differs by a quarter of a sample's interval: two rows timed by
two lines still join then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from services.sensors.arrival.clocks.clock_rows import ClockRows
from services.sensors.arrival.clocks.era_rate import EraRate
from services.sensors.arrival.clocks.read_ahead import LINE_PIECES
from services.sensors.arrival.record import Record
from services.sensors.store.even_times import NS
from services.sensors.store.timing import Rates
from services.sensors.timing.hull import End, Piece, Point, lowered, merged, piece_number, pieces_of
from services.sensors.timing.line import Line, context, line
from services.sensors.timing.rates import FIRST_PIECES, Rate, rate, spacing_hz


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Device times between which stored samples have to be timed anew; None: all of the era."""

    from_ns: int | None = None
    to_ns: int | None = None


class EraClock:
    """Of one sensor's era, in one transaction; `pieces` are those around the records that arrive."""

    def __init__(self, rows: ClockRows, era: int, pieces: dict[int, Piece], known: EraRate | None, stated_hz: float):
        self._rows, self.era, self._pieces = rows, era, pieces
        self._known = known or EraRate(stated_hz=stated_hz, rate=Rate(device_hz=stated_hz, true_hz=stated_hz))
        self._is_new = known is None
        self._stored_rate_hz = self.rates.first_hz
        self._changed: set[int] = set()
        self._begun: set[int] = set()
        self._lines: dict[int, Line] = {}

    @property
    def device_interval_ns(self) -> float:
        return NS / self._known.rate.device_hz

    @property
    def rates(self) -> Rates:
        return self._known.rates

    def add(self, records: Iterable[tuple[int, int, int]]) -> None:
        """Each its device time, its cloud time, and how many new samples an axis of it has."""
        for number, piece in pieces_of(records).items():
            if number not in self._pieces:
                self._begun.add(number)
            self._pieces[number] = merged(self._pieces.get(number), piece)
            self._changed.add(number)

    def repeat(self, point: Point) -> None:
        """A record that is there, come again: perhaps sooner than the first time."""
        number = piece_number(point.device_ns)
        piece = self._pieces.get(number)
        if piece is not None:
            self._pieces[number] = lowered(piece, point)
            self._changed.add(number)

    def begin(self, records: Iterable[Record]) -> None:
        """Measures roughly how the first samples of an era are spaced, before any is laid out."""
        stated_hz = self._known.stated_hz
        if self._known.rate.device_hz == stated_hz:
            found_hz = spacing_hz((End(record.device_ns, record.count) for record in records), stated_hz)
            self._known = replace(
                self._known, rate=Rate(device_hz=found_hz or stated_hz, true_hz=found_hz or stated_hz)
            )

    def settle(self) -> list[Moved]:
        """Saves what has changed, and draws the lines anew where they may have; tells what moves.

        Where something does, all that was saved can be read by others of this transaction.
        """
        if not self._changed:
            return []
        self._rows.save_pieces(self.era, self._pieces, self._changed)
        first, last = min(self._changed), max(self._changed)
        known = self._rows.lines(self.era, first // LINE_PIECES - 1, last // LINE_PIECES + 1)
        if not self._may_move(known):
            self._lines = known
            return []
        self._pieces = self._rows.around(self.era, first, last)
        moved = self._rerate() if self._may_rerate() else []
        reach = context(self._pieces, first, last)
        blocks = sorted({number // LINE_PIECES for number in reach})
        known = self._rows.lines(self.era, blocks[0], blocks[-1])
        self._pieces = self._rows.around(self.era, blocks[0] * LINE_PIECES, (blocks[-1] + 1) * LINE_PIECES - 1)
        newer = {}
        for block in sorted({number // LINE_PIECES for number in self._pieces} & set(blocks)):
            drawn = block_line(self._pieces, block)
            before = known.get(block)
            if before is None or self._differs(before, drawn):
                newer[block] = drawn
                if before is not None:
                    moved.append(Moved(from_ns=int(drawn.device_ns[0]), to_ns=int(drawn.device_ns[-1])))
            elif not 0.9 * before.uncertainty_ns < drawn.uncertainty_ns <= before.uncertainty_ns:
                # Less sure of the same times, or so much surer that it is worth a write.
                newer[block] = replace(before, told_ns=drawn.told_ns)
        self._rows.save_lines(self.era, newer)
        self._lines = known | newer
        if moved:
            self._rows.write()
        return moved

    def true_ns(self, device_ns: int) -> int:
        """By the line that rows around it are timed by."""
        block = piece_number(device_ns) // LINE_PIECES
        near = min(self._lines, key=lambda one: abs(one - block))
        return int(self._lines[near].true_ns(np.array([device_ns], dtype=np.int64))[0])

    def _may_move(self, known: Mapping[int, Line]) -> bool:
        """Whether a line, or the rate, may be another one now."""
        touched = {number // LINE_PIECES for number in self._changed}
        return (
            bool(self._begun)
            or not touched <= known.keys()
            or self._may_rerate()
            or any(self._is_below(known[number // LINE_PIECES], number) for number in self._changed)
        )

    def _may_rerate(self) -> bool:
        """In the first two hours: as each piece begins, and when records come to one that is not the newest."""
        first = min(self._changed)
        if self._rows.is_past(self.era, first, FIRST_PIECES):
            return False
        is_newest = first == max(self._pieces) and self._rows.is_last(self.era, first)
        return self._is_new or bool(self._begun) or not is_newest

    def _rerate(self) -> list[Moved]:
        first = self._rows.first_piece(self.era)
        if first is None or min(self._changed) >= first + FIRST_PIECES:
            return []
        found = measured(self._rows, self.era, first, self._known)
        is_other = found.rates.first_hz != self._stored_rate_hz
        self._known = found
        self._rows.save_era(self.era, found)
        if not is_other or self._is_new:
            return []
        return [Moved()]

    def _is_below(self, known: Line, number: int) -> bool:
        points = self._pieces[number].points
        device_ns = np.array([point.device_ns for point in points], dtype=np.int64)
        cloud_ns = np.array([point.cloud_ns for point in points], dtype=np.int64)
        return bool((cloud_ns < known.true_ns(device_ns) - self._quarter_ns).any())

    def _differs(self, before: Line, drawn: Line) -> bool:
        return int(np.abs(before.error_ns - drawn.error_ns).max()) >= self._quarter_ns

    @property
    def _quarter_ns(self) -> float:
        return NS / self._known.rate.true_hz / 4


def measured(rows: ClockRows, era: int, first: int, known: EraRate, ends: Iterable[tuple[int, int]] = ()) -> EraRate:
    """Of all that is there of its first two hours. `first`: its first piece. `ends`: of runs, and their samples: those
    of single records tell roughly how samples are spaced, else what is known does.
    """
    early = rows.around(era, first, first + FIRST_PIECES - 1)
    longest = max(piece.first.samples for piece in early.values())
    rough_hz = spacing_hz((End(*end) for end in ends if end[1] <= longest), known.stated_hz)
    return replace(known, rate=rate(early, rough_hz or known.rate.device_hz))


def block_line(pieces: dict[int, Piece], block: int) -> Line:
    """Of sixty-four pieces."""
    return line(pieces, block * LINE_PIECES, (block + 1) * LINE_PIECES - 1)
