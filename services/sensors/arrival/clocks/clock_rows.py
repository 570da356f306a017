"""Rows of device clocks: hulls by blocks of device time, the rates of eras, and the lines that rows were timed by."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection, Row, Select, Table, bindparam, func, select

from services.sensors.arrival import tables
from services.sensors.arrival.clocks.era_rate import EraRate
from services.sensors.arrival.clocks.read_ahead import BLOCK_PIECES, ReadAhead, eras
from services.sensors.arrival.clocks.waiting_rows import WaitingRows
from services.sensors.timing.hull import End, Piece, Pieces, Point
from services.sensors.timing.level import SILENCE_PIECES
from services.sensors.timing.line import CONTEXT_PIECES, Line

_NEAR_BLOCKS = 12  # on either side: twice as many as a line needs where a device sends all the time
_FARTHER = 8  # times as many, where it does not

_eras, _blocks, _lines = tables.clock_era, tables.clock_block, tables.clock_line


def _of_era(table: Table) -> Select[Any]:
    its = select(table).where(table.c.sensor_id == bindparam("sensor_id"), table.c.era == bindparam("era"))
    return its.where(table.c.block.between(bindparam("first"), bindparam("last")))


# Made once: each arriving record needs them.
_ERAS = eras().where(_eras.c.sensor_id == bindparam("sensor_id")).order_by(_eras.c.era)
_BLOCKS = _of_era(_blocks).order_by(_blocks.c.block)
_LINES = _of_era(_lines)

_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(list[list[int]]).decode


@dataclass(slots=True)
class _Blocks:
    """From the first to the last that an era has. `is_active`: messages came in one as the device sampled."""

    first: int
    last: int
    is_active: bool


class ClockRows:
    """Of one sensor, in one transaction. `ahead`: what was read of it already; `waiting`: where it writes to."""

    def __init__(
        self, tx: Connection, sensor_id: str, ahead: ReadAhead | None = None, waiting: WaitingRows | None = None
    ) -> None:
        self._tx, self._sensor_id = tx, sensor_id
        self._ahead = ahead if ahead is not None and sensor_id in ahead.asked else None
        self._waiting = waiting or WaitingRows(tx)
        self._blocks: dict[int, _Blocks] = {}

    def eras(self) -> dict[int, EraRate]:
        """Asked for first."""
        rows = self._ahead.eras[self._sensor_id] if self._ahead else self._tx.execute(_ERAS, self._its()).all()
        self._blocks = {
            row.era: _Blocks(row.first_block, row.last_block, bool(row.is_active))
            for row in rows
            if row.first_block is not None
        }
        return {row.era: EraRate.of_row(row) for row in rows}

    def save_era(self, era: int, known: EraRate) -> None:
        self._waiting.put(_eras, {**self._its(era), **known.values()})

    def first_piece(self, era: int) -> int | None:
        blocks = self._blocks.get(era)
        return None if blocks is None else min(self._load(era, blocks.first, blocks.first))

    def is_past(self, era: int, number: int, pieces: int) -> bool:
        """Whether that piece is so many after the era's first one, as far as blocks tell."""
        blocks = self._blocks.get(era)
        return blocks is not None and number >= (blocks.first + 1) * BLOCK_PIECES + pieces

    def is_last(self, era: int, number: int) -> bool:
        """Whether no block of the era is after that piece's."""
        blocks = self._blocks.get(era)
        return blocks is None or blocks.last <= number // BLOCK_PIECES

    def is_near(self, era: int, first: int, last: int) -> bool:
        """Whether blocks of the era, from its first to its last, meet pieces `first` to `last`, or are next to them."""
        blocks = self._blocks.get(era)
        if blocks is None:
            return False
        return blocks.first - 1 <= last // BLOCK_PIECES and first // BLOCK_PIECES <= blocks.last + 1

    def near(self, first: int, last: int) -> dict[int, dict[int, Piece]] | None:
        """By era, pieces that tell whether records in those with numbers `first` to `last` lie on its level.

        Without eras that are a day away, on whose level nothing lies. None: what was read ahead does not tell.
        """
        if self._ahead is None:
            return None
        found: dict[int, dict[int, Piece]] = {}
        low, high = first // BLOCK_PIECES - 1, last // BLOCK_PIECES + 1
        silence = SILENCE_PIECES // BLOCK_PIECES + 2
        for era, blocks in self._blocks.items():
            if blocks.is_active and (blocks.last < low - silence or blocks.first > high + silence):
                continue
            pieces = pieces_of(self._ahead.blocks[self._sensor_id, era])
            active = [number for number, piece in pieces.items() if piece.is_active]
            is_told_before = blocks.first >= low or any(number < first for number in active)
            is_told_after = blocks.last <= high or any(number >= last for number in active)
            if not (is_told_before and is_told_after):
                return None
            found[era] = pieces
        return found

    def around(self, era: int, first: int, last: int) -> dict[int, Piece]:
        """Pieces with numbers `first` to `last`, and beyond until a line can be drawn there as with all there are."""
        return pieces_of(self.blocks_around(era, first, last))

    def blocks_around(self, era: int, first: int, last: int) -> list[Row[Any]]:
        """The blocks of the same, in order."""
        blocks = self._blocks.get(era)
        if blocks is None:
            return []
        low, high, reach = first // BLOCK_PIECES, last // BLOCK_PIECES, _NEAR_BLOCKS
        while True:
            rows = self._rows(_BLOCKS, era, low - reach, high + reach)
            before = [row for row in reversed(rows) if row.block < low]
            after = [row for row in rows if row.block > high]
            is_whole_before = low - reach <= blocks.first or _is_enough(before)
            is_whole_after = high + reach >= blocks.last or _is_enough(after)
            if is_whole_before and is_whole_after:
                break
            reach *= _FARTHER
        inside = [row for row in rows if low <= row.block <= high]
        return [*reversed(_enough(before)), *inside, *_enough(after)]

    def save_pieces(self, era: int, pieces: Pieces, changed: Iterable[int]) -> None:
        """`pieces` has all of each block in which one has changed."""
        blocks: defaultdict[int, list[int]] = defaultdict(list)
        for number in sorted(pieces):
            blocks[number // BLOCK_PIECES].append(number)
        for block in sorted({number // BLOCK_PIECES for number in changed}):
            row = {
                "block": block,
                "active": sum(pieces[number].is_active for number in blocks[block]),
                "pieces": _encode([_row(number, pieces[number]) for number in blocks[block]]),
            }
            self._waiting.put(_blocks, {**self._its(era), **row})
            ends = self._blocks.setdefault(era, _Blocks(block, block, is_active=False))
            ends.first, ends.last = min(ends.first, block), max(ends.last, block)

    def lines(self, era: int, first: int, last: int) -> dict[int, Line]:
        """By block of sixty-four pieces: those that rows were timed by."""
        asked = self._ahead.asked[self._sensor_id] if self._ahead else None
        if self._ahead is not None and asked is not None and asked.line <= first and last <= asked.last_line:
            rows: Sequence[Row[Any]] = [
                row for row in self._ahead.lines[self._sensor_id, era] if first <= row.block <= last
            ]
        else:
            rows = self._rows(_LINES, era, first, last)
        return {row.block: _line(row.knots, row.uncertainty_ns) for row in rows}

    def save_lines(self, era: int, lines: Mapping[int, Line]) -> None:
        """Read again by `lines` of another transaction."""
        for block, line in lines.items():
            row = {
                "block": block,
                "knots": np.stack([line.device_ns, line.error_ns]).astype("<i8").tobytes(),
                "uncertainty_ns": line.uncertainty_ns,
            }
            self._waiting.put(_lines, {**self._its(era), **row})

    def write(self) -> None:
        """What waits, of all sensors."""
        self._waiting.write()

    def uncertainty_ns(self) -> dict[int, int]:
        """By era: the greatest of its lines."""
        table = tables.clock_line
        greatest = select(table.c.era, func.max(table.c.uncertainty_ns)).where(table.c.sensor_id == self._sensor_id)
        return {era: int(value) for era, value in self._tx.execute(greatest.group_by(table.c.era)).tuples()}

    def _load(self, era: int, first_block: int, last_block: int) -> dict[int, Piece]:
        return pieces_of(self._rows(_BLOCKS, era, first_block, last_block))

    def _rows(self, query: Select[Any], era: int, first: int, last: int) -> Sequence[Row[Any]]:
        self._waiting.write()
        return self._tx.execute(query, {**self._its(era), "first": first, "last": last}).all()

    def _its(self, era: int | None = None) -> dict[str, Any]:
        its = {"sensor_id": self._sensor_id}
        return its if era is None else {**its, "era": era}


def _is_enough(rows: Iterable[Row[Any]]) -> bool:
    return sum(int(row.active) for row in rows) >= CONTEXT_PIECES


def _enough(rows: Iterable[Row[Any]]) -> list[Row[Any]]:
    """Outwards."""
    taken: list[Row[Any]] = []
    active = 0
    for row in rows:
        if active >= CONTEXT_PIECES:
            break
        active += row.active
        taken.append(row)
    return taken


def pieces_of(rows: Iterable[Row[Any]]) -> dict[int, Piece]:
    """Of blocks, by number."""
    return dict(piece for row in rows for piece in _pieces(row.pieces))


def _row(number: int, piece: Piece) -> list[int]:
    points = [value for point in piece.points for value in point]
    return [number, *piece.first, *piece.last, piece.samples, *points]


def _pieces(content: bytes) -> Iterator[tuple[int, Piece]]:
    for number, first_ns, first_samples, last_ns, last_samples, samples, *points in _decode(content):
        hull = tuple(Point(at, delay) for at, delay in zip(points[::2], points[1::2], strict=True))
        yield (
            number,
            Piece(points=hull, first=End(first_ns, first_samples), last=End(last_ns, last_samples), samples=samples),
        )


def _line(knots: bytes, uncertainty_ns: int) -> Line:
    device_ns, error_ns = np.frombuffer(knots, "<i8").reshape(2, -1)
    return Line(device_ns=device_ns, error_ns=error_ns, told_ns=lambda: uncertainty_ns)
