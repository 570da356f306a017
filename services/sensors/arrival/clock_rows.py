"""Rows of device clocks: hulls by blocks of device time, the rates of eras, and the lines that rows were timed by."""

import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection, Select, Table, bindparam, func, select

from services.sensors.arrival import tables
from services.sensors.timing.hull import End, Piece, Pieces, Point
from services.sensors.timing.line import CONTEXT_PIECES, Line
from services.sensors.timing.rates import Rate
from shared.sql.dialect_functions import upsert_for

BLOCK_PIECES = 8
LINE_PIECES = 64

_NEAR_BLOCKS = 12  # on either side: twice as many as a line needs where a device sends all the time

_eras, _blocks, _lines = tables.clock_era, tables.clock_block, tables.clock_line


def _of_era(query: Select[Any], table: Table, *, blocks: bool = False) -> Select[Any]:
    found = query.where(table.c.sensor_id == bindparam("sensor_id"), table.c.era == bindparam("era"))
    return found.where(table.c.block.between(bindparam("first"), bindparam("last"))) if blocks else found


# Made once: each arriving record needs them all.
_ERAS = select(_eras).where(_eras.c.sensor_id == bindparam("sensor_id")).order_by(_eras.c.era)
_FIRST_BLOCK = _of_era(select(func.min(_blocks.c.block)), _blocks)
_ACTIVE = _of_era(select(_blocks.c.block, _blocks.c.active), _blocks).order_by(_blocks.c.block)
_BLOCKS = _of_era(select(_blocks.c.block, _blocks.c.active, _blocks.c.pieces), _blocks, blocks=True).order_by(
    _blocks.c.block
)
_LINES = _of_era(select(_lines), _lines, blocks=True)

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
        rows = self._tx.execute(_ERAS, {"sensor_id": self._sensor_id})
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

    def first_piece(self, era: int) -> int | None:
        block = self._tx.execute(_FIRST_BLOCK, self._of(era)).scalar_one()
        return None if block is None else min(self._load(era, block, block))

    def around(self, era: int, first: int, last: int) -> dict[int, Piece]:
        """Pieces with numbers `first` to `last`, and beyond until a line can be drawn there as with all there are."""
        low, high = first // BLOCK_PIECES, last // BLOCK_PIECES
        near = self._tx.execute(_BLOCKS, self._of(era, low - _NEAR_BLOCKS, high + _NEAR_BLOCKS)).all()
        if _is_enough(row.active for row in near if row.block < low) and _is_enough(
            row.active for row in near if row.block > high
        ):
            active = {row.block: row.active for row in near}
        else:
            active = {row.block: row.active for row in self._tx.execute(_ACTIVE, self._of(era))}
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
        rows = self._tx.execute(_LINES, self._of(era, first, last))
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
        rows = self._tx.execute(_BLOCKS, self._of(era, first_block, last_block))
        return dict(piece for row in rows for piece in _pieces(row.pieces))

    def _of(self, era: int, first: int | None = None, last: int | None = None) -> dict[str, Any]:
        """Parameters of a statement on an era, or on blocks of one."""
        blocks = {} if first is None else {"first": first, "last": last}
        return {"sensor_id": self._sensor_id, "era": era, **blocks}

    def _replace(self, table: Table, rows: list[dict[str, object]]) -> None:
        if rows:
            its = [{"sensor_id": self._sensor_id, **row} for row in rows]
            self._tx.execute(_replacement(self._tx.dialect.name, table), its)


@functools.cache
def _replacement(dialect: str, table: Table) -> Any:
    statement = upsert_for(dialect, table)
    keys = [column.name for column in table.primary_key]
    others = [column.name for column in table.columns if not column.primary_key]
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in others}
    )


def _is_enough(active: Iterable[int]) -> bool:
    return sum(active) >= CONTEXT_PIECES


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
