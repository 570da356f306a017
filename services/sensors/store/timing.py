"""Timing of an era, as the store asks for it: the line from device time to true time, and the sample rates.

Who estimates it (the hulls of delays) is elsewhere; the store calls it when it seals and when it re-times.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from services.sensors import tables
from services.sensors.store import index
from services.sensors.store.piece import Piece
from services.sensors.store.span import Span
from services.sensors.timing.starts import Extent
from services.sensors.timing.starts import starts_ns as device_starts_ns

Nanoseconds = NDArray[np.int64]
_BEFORE_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Of an era, all as `stated_rate` makes them: the first one, and from which device times on there are others."""

    first_hz: float
    changes: tuple[tuple[int, float], ...] = ()

    def at(self, device_ns: int) -> float:
        return next((rate_hz for from_ns, rate_hz in reversed(self.changes) if from_ns <= device_ns), self.first_hz)

    def differ(self, other: "Rates") -> tuple[int | None, int | None]:
        """Device times between which the two may; None: from the first one on, or to the last."""
        old, new = list(other.changes), list(self.changes)
        to_ns = None
        while old and new and old[-1] == new[-1]:
            to_ns, _ = old.pop()
            new.pop()
        if self.first_hz != other.first_hz:
            return None, to_ns
        ahead = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
        return min((from_ns for from_ns, _ in (*old[ahead:], *new[ahead:])), default=to_ns), to_ns

    def divided(self, piece: Piece) -> list[Piece]:
        """The same samples, each at the rate of its device time."""
        edges = [from_ns for from_ns, _ in self.changes if piece.device_ns < from_ns <= piece.device_end_ns]
        parts = piece.cut_by_device(edges) if edges else [piece]
        return [replace(part, rate_hz=self.at(part.device_ns)) for part in parts]


class EraTiming(Protocol):
    """Pure: the same device times always give the same true times."""

    @property
    def rates(self) -> Rates: ...

    @property
    def device_interval_ns(self) -> float:
        """From sample to sample by the device's clock."""
        ...

    @property
    def are_floats(self) -> bool:
        """Whether some value of the sensor was no whole one: then all are sealed as floats of 64 bits."""
        ...

    def true_ns(self, device_ns: Nanoseconds) -> Nanoseconds: ...


class Eras(Protocol):
    def timing(self, tx: Connection, sensor_id: str, era: int) -> EraTiming | None:
        """None: the times of that era stay as they were stored."""
        ...

    def settle(
        self, tx: Connection, sensor_id: str, axis: str, era: int, from_device_ns: int, to_device_ns: int
    ) -> None:
        """Makes the rates those of all that is stored, before what is between those device times is sealed of the axis.

        The sensor is locked.
        """
        ...


class FixedEras:
    """No era is ever timed anew: of recordings that no device clock dates."""

    def timing(self, tx: Connection, sensor_id: str, era: int) -> EraTiming | None:
        return None

    def settle(
        self, tx: Connection, sensor_id: str, axis: str, era: int, from_device_ns: int, to_device_ns: int
    ) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Times:
    """Of the first samples of a span's pieces, by the device's clock and by ours; and what else is of their era."""

    device_ns: Nanoseconds
    start_ns: Nanoseconds
    rates: Rates
    are_floats: bool


def timed(timing: EraTiming, spans: Sequence[Span], before: Extent | None = None) -> list[Times]:
    """New times of spans of one axis and era. `before`: the run right before them, where that is known.

    A piece that was stored before its neighbour was, or before the rate was measured, begins elsewhere now.
    """
    if not spans:
        return []
    edges = np.cumsum([span.device_starts.size for span in spans])[:-1]
    runs = [run for span in spans for run in span.extents]
    in_order = sorted(range(len(runs)), key=lambda place: runs[place].device_end_ns)
    device_ns = np.empty(len(runs), dtype=np.int64)
    device_ns[in_order] = device_starts_ns((runs[place] for place in in_order), before, timing.device_interval_ns)
    by_span = zip(np.split(device_ns, edges), np.split(timing.true_ns(device_ns), edges), strict=True)
    rates, are_floats = timing.rates, timing.are_floats
    return [Times(device_ns=device, start_ns=true, rates=rates, are_floats=are_floats) for device, true in by_span]


def run_before(tx: Connection, spans: Sequence[Span], interval_ns: float) -> Extent | None:
    """The last one that ends before those spans, of one axis and era, do, as it begins once it is sealed.

    That is told by the runs before it, of which a few are enough: what a start strays by is made up for soon.
    """
    table, first = tables.span, spans[0]
    end_ns = min(run.device_end_ns for span in spans for run in span.extents)
    its = index.spans().where(table.c.sensor_id == first.sensor_id, table.c.axis == first.axis)
    earlier = its.where(table.c.era == first.era, table.c.device_end_ns < end_ns)
    found = index.fetched(tx, earlier.order_by(table.c.device_end_ns.desc()).limit(_BEFORE_MAX))
    runs = sorted((run for span in found for run in span.extents), key=lambda run: run.device_end_ns)[-_BEFORE_MAX:]
    if not runs:
        return None
    return runs[-1]._replace(device_ns=device_starts_ns(runs, None, interval_ns)[-1])


def arrived_ends(tx: Connection, sensor_id: str, axis: str, era: int, to_device_ns: int) -> list[tuple[int, int]]:
    """Of all rows of an axis and era before that device time: when the last sample is, and how many there are."""
    table = tables.span
    its = (table.c.sensor_id == sensor_id) & (table.c.axis == axis) & (table.c.era == era)
    early = table.c.file_id.is_(None) & (table.c.device_end_ns < to_device_ns)
    query = select(table.c.device_end_ns, table.c.count).where(its, early)
    return [(end_ns, samples) for end_ns, samples in tx.execute(query)]
