"""Rows of device clocks: hulls by blocks of device time, the rates of eras, and the lines that rows were timed by."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, select

from services.sensors.arrival import tables
from services.sensors.timing.hull import End, Piece, Pieces, Point
from services.sensors.timing.line import CONTEXT_PIECES, Line
from services.sensors.timing.rates import Rate

BLOCK_PIECES = 8
LINE_PIECES = 64

_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(list[list[int]]).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class EraRate:
    stated_hz: float
    rate: Rate


class ClockRows:
    """Of one sensor, in one transaction."""

    def __init__(self, tx: Connection, sensor_id: str) -> None:
        self._tx, self._sensor_id = tx, sensor_id

    def eras(self) -> dict[int, EraRate]:
        table = tables.clock_era
        rows = self._tx.execute(select(table).where(table.c.sensor_id == self._sensor_id).order_by(table.c.era))
        return {
            row.era: EraRate(stated_hz=row.stated_hz, rate=Rate(device_hz=row.device_hz, true_hz=row.true_hz))
            for row in rows
        }

    def save_era(self, era: int, known: EraRate) -> None:
        values = {
            "stated_hz": known.stated_hz,
            "device_hz": known.rate.device_hz,
            "true_hz": known.rate.true_hz,
        }
        self._replace(tables.clock_era, [{"era": era, **values}])

    def newest_era(self) -> int:
        table = tables.clock_era
        newest = select(func.max(table.c.era)).where(table.c.sensor_id == self._sensor_id)
        return self._tx.execute(newest).scalar_one() or 0

    def first_piece(self, era: int) -> int | None:
        table = tables.clock_block
        first = select(func.min(table.c.block)).where(self._is(table, era))
        block = self._tx.execute(first).scalar_one()
        return None if block is None else min(self._load(era, block, block))

    def around(self, era: int, first: int, last: int) -> dict[int, Piece]:
        """Pieces with numbers `first` to `last`, and beyond until a line can be drawn there as with all there are."""
        table = tables.clock_block
        rows = self._tx.execute(select(table.c.block, table.c.active).where(self._is(table, era))).all()
        active = {row.block: row.active for row in sorted(rows)}
        low, high = first // BLOCK_PIECES, last // BLOCK_PIECES
        before = [block for block in reversed(active) if block < low]
        after = [block for block in active if block > high]
        wanted = [*_enough(active, before), *_enough(active, after)]
        inside = [block for block in active if low <= block <= high]
        blocks = [*wanted, *inside]
        return self._load(era, min(blocks), max(blocks)) if blocks else {}

    def save_pieces(self, era: int, pieces: Pieces, changed: Iterable[int]) -> None:
        """`pieces` has all of each block in which one has changed."""
        blocks: defaultdict[int, list[int]] = defaultdict(list)
        for number in sorted(pieces):
            blocks[number // BLOCK_PIECES].append(number)
        rows = [
            {
                "era": era,
                "block": block,
                "active": sum(pieces[number].is_active for number in blocks[block]),
                "pieces": _encode([_row(number, pieces[number]) for number in blocks[block]]),
            }
            for block in sorted({number // BLOCK_PIECES for number in changed})
        ]
        self._replace(tables.clock_block, rows)

    def lines(self, era: int, first: int, last: int) -> dict[int, Line]:
        """By block of sixty-four pieces: those that rows were timed by."""
        table = tables.clock_line
        rows = self._tx.execute(select(table).where(self._is(table, era), table.c.block.between(first, last)))
        return {row.block: _line(row.knots, row.uncertainty_ns) for row in rows}

    def save_lines(self, era: int, lines: Mapping[int, Line]) -> None:
        rows = [
            {
                "era": era,
                "block": block,
                "knots": np.stack([line.device_ns, line.error_ns]).astype("<i8").tobytes(),
                "uncertainty_ns": line.uncertainty_ns,
            }
            for block, line in lines.items()
        ]
        self._replace(tables.clock_line, rows)

    def uncertainty_ns(self) -> dict[int, int]:
        """By era: the greatest of its lines."""
        table = tables.clock_line
        greatest = select(table.c.era, func.max(table.c.uncertainty_ns)).where(table.c.sensor_id == self._sensor_id)
        return {era: int(value) for era, value in self._tx.execute(greatest.group_by(table.c.era)).tuples()}

    def _load(self, era: int, first_block: int, last_block: int) -> dict[int, Piece]:
        table = tables.clock_block
        blocks = select(table.c.pieces).where(self._is(table, era), table.c.block.between(first_block, last_block))
        return dict(
            piece
            for content in self._tx.execute(blocks.order_by(table.c.block)).scalars()
            for piece in _pieces(content)
        )

    def _is(self, table: Table, era: int) -> ColumnElement[bool]:
        return (table.c.sensor_id == self._sensor_id) & (table.c.era == era)

    def _replace(self, table: Table, rows: list[dict[str, object]]) -> None:
        for row in rows:
            is_this = self._is(table, int(str(row["era"])))
            if "block" in row:
                is_this &= table.c.block == row["block"]
            self._tx.execute(delete(table).where(is_this))
        if rows:
            self._tx.execute(insert(table), [{"sensor_id": self._sensor_id, **row} for row in rows])


def _enough(active: Mapping[int, int], blocks: Iterable[int]) -> Iterator[int]:
    met = 0
    for block in blocks:
        if met >= CONTEXT_PIECES:
            return
        met += active[block]
        yield block


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
    return Line(device_ns=device_ns, error_ns=error_ns, uncertainty_ns=uncertainty_ns)
