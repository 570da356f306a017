"""Windows of an era that tell its rate: each measured when an hour is sealed that has a part in it, and kept.

One is measured once a line can be drawn on both sides of it, and again when anything is another one of what it was
measured by. So what epochs there are depends on what is there alone, whenever and in whatever order it came.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, Row, select

from services.sensors.arrival import tables
from services.sensors.arrival.clocks.clock_rows import ClockRows, pieces_of
from services.sensors.arrival.clocks.era_rate import EraRate
from services.sensors.arrival.clocks.read_ahead import BLOCK_PIECES
from services.sensors.arrival.clocks.waiting_rows import WaitingRows
from services.sensors.timing.line import CONTEXT_PIECES
from services.sensors.timing.rate_epochs import WINDOW_PIECES, Epoch, WindowRate, epochs, window_rate

_BLOCKS = WINDOW_PIECES // BLOCK_PIECES
_windows = tables.clock_window


class RateWindows:
    """Of one era, in one transaction."""

    def __init__(self, tx: Connection, rows: ClockRows, sensor_id: str, era: int) -> None:
        self._tx, self._rows, self._sensor_id, self._era = tx, rows, sensor_id, era
        self._its = (_windows.c.sensor_id == sensor_id) & (_windows.c.era == era)

    def measure(self, known: EraRate, near: Sequence[Row[Any]]) -> bool:
        """`near`: the blocks around those that may be others; whether a window tells something else now."""
        if not near:
            return False
        first, last = near[0].block // _BLOCKS, near[-1].block // _BLOCKS
        query = select(_windows.c.number, _windows.c.crc).where(self._its, _windows.c.number.between(first, last))
        crcs = {row.number: row.crc for row in self._tx.execute(query)}
        waiting, is_changed = WaitingRows(self._tx), False
        for number in range(first, last + 1):
            blocks = self._rows.blocks_around(self._era, number * WINDOW_PIECES, (number + 1) * WINDOW_PIECES - 1)
            crc = _crc(blocks)
            if _is_whole(blocks, number) and crcs.get(number) != crc:
                told = window_rate(pieces_of(blocks), number, known.rate.device_hz)
                waiting.put(_windows, self._row(number, told, crc))
                is_changed = True
        waiting.write()
        return is_changed

    def epochs(self, first_piece: int, rate_hz: float) -> tuple[Epoch, ...]:
        rows = self._tx.execute(select(_windows).where(self._its))
        windows = {row.number: WindowRate(from_ns=row.from_ns, true_hz=row.true_hz, doubt=row.doubt) for row in rows}
        return epochs(first_piece, rate_hz, windows)

    def _row(self, number: int, told: WindowRate, crc: int) -> dict[str, object]:
        its = {"sensor_id": self._sensor_id, "era": self._era, "number": number}
        return its | {"from_ns": told.from_ns, "true_hz": told.true_hz, "doubt": told.doubt, "crc": crc}


def _is_whole(blocks: Sequence[Row[Any]], window: int) -> bool:
    """Something of it is there, and enough after it for the line."""
    after = sum(row.active for row in blocks if row.block // _BLOCKS > window)
    return after >= CONTEXT_PIECES and any(row.block // _BLOCKS == window for row in blocks)


def _crc(blocks: Iterable[Row[Any]]) -> int:
    found = 0
    for row in blocks:
        found = crc32(row.pieces, found)
    return found
