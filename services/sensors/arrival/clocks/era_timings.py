"""Timings of eras as the store asks for them: the newest lines, drawn when they are needed.

While messages arrive a rate is measured when a piece of time begins, from how the first ones were spaced. Before hours
are sealed it is measured of all that is there, so that they get the rate that they would have from a file; and whether
it is shown to be wrong later, by the windows that have a part in the hour.
"""

from dataclasses import replace

import numpy as np
from sqlalchemy import Connection

from services.sensors.arrival import accounts
from services.sensors.arrival.clocks.clock_rows import ClockRows
from services.sensors.arrival.clocks.era_clock import block_line, measured
from services.sensors.arrival.clocks.era_rate import EraRate
from services.sensors.arrival.clocks.rate_windows import RateWindows
from services.sensors.arrival.clocks.read_ahead import BLOCK_PIECES, LINE_PIECES
from services.sensors.store.even_times import NS
from services.sensors.store.sample_store import SampleStore
from services.sensors.store.timing import EraTiming, arrived_ends
from services.sensors.timing.hull import PIECE_NS, piece_number
from services.sensors.timing.line import Integers, Line
from services.sensors.timing.rates import FIRST_PIECES


class EraTimings:
    """The store's `Eras`."""

    def __init__(self, store: SampleStore) -> None:
        self._store = store

    def timing(self, tx: Connection, sensor_id: str, era: int) -> EraTiming | None:
        """None for an era without a device's clock."""
        rows = ClockRows(tx, sensor_id)
        known = rows.eras().get(era)
        if known is None:
            return None
        return NewestTiming(rows, era, known, are_floats=bool(accounts.finer(tx, [sensor_id])))

    def settle(
        self, tx: Connection, sensor_id: str, axis: str, era: int, from_device_ns: int, to_device_ns: int
    ) -> None:
        rows = ClockRows(tx, sensor_id)
        known = rows.eras().get(era)
        first = rows.first_piece(era)
        if known is None or first is None:
            return
        near = rows.blocks_around(era, piece_number(from_device_ns), piece_number(to_device_ns))
        # Those that the line of the first two hours was drawn with tell its rate, too.
        found, is_early = known, bool(near) and near[0].block * BLOCK_PIECES < first + FIRST_PIECES
        if is_early:
            ends = arrived_ends(tx, sensor_id, axis, era, (first + FIRST_PIECES) * PIECE_NS)
            found = measured(rows, era, first, known, ends)
        windows = RateWindows(tx, rows, sensor_id, era)
        if windows.measure(known, near) or is_early:
            found = replace(found, epochs=windows.epochs(first, found.rates.first_hz))
        if found.rates != known.rates:
            rows.save_era(era, found)
            rows.write()
            timing = self.timing(tx, sensor_id, era)
            if timing is not None:
                self._store.retime(tx, sensor_id, era, timing, *found.rates.differ(known.rates))


class NewestTiming:
    """The store's `EraTiming`, good within the transaction that it was asked for in."""

    def __init__(self, rows: ClockRows, era: int, known: EraRate, *, are_floats: bool) -> None:
        self._rows, self._era, self.are_floats = rows, era, are_floats
        self.rates, self.device_interval_ns = known.rates, NS / known.rate.device_hz
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
