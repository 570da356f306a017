"""Timings of eras as the store asks for them: the newest lines, drawn when they are needed."""

import numpy as np
from sqlalchemy import Connection

from services.sensors.arrival.clocks.clock_rows import ClockRows
from services.sensors.arrival.clocks.era_clock import block_line
from services.sensors.arrival.clocks.read_ahead import LINE_PIECES
from services.sensors.store.miniseed.codec import stated_rate
from services.sensors.store.timing import EraTiming
from services.sensors.timing.hull import PIECE_NS
from services.sensors.timing.line import Integers, Line


class EraTimings:
    """The store's `Eras`."""

    def timing(self, tx: Connection, sensor_id: str, era: int) -> EraTiming | None:
        """None for an era without a device's clock."""
        rows = ClockRows(tx, sensor_id)
        known = rows.eras().get(era)
        return None if known is None else NewestTiming(rows, era, stated_rate(known.rate.true_hz))


class NewestTiming:
    """The store's `EraTiming`, good within the transaction that it was asked for in."""

    def __init__(self, rows: ClockRows, era: int, rate_hz: float) -> None:
        self._rows, self._era, self.rate_hz = rows, era, rate_hz
        self._lines: dict[int, Line] = {}

    def true_ns(self, device_ns: Integers) -> Integers:
        blocks = device_ns // (PIECE_NS * LINE_PIECES)
        found = np.empty_like(device_ns)
        for block in np.unique(blocks).tolist():
            is_there = blocks == block
            found[is_there] = self._line(block).true_ns(device_ns[is_there])
        return found

    def _line(self, block: int) -> Line:
        if block not in self._lines:
            around = self._rows.around(self._era, block * LINE_PIECES, (block + 1) * LINE_PIECES - 1)
            self._lines[block] = block_line(around, block)
        return self._lines[block]
