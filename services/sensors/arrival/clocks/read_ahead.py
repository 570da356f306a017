"""Read ahead: what arriving records of many sensors need to know, by one statement a table.

One statement a sensor and table was a journey to the database for each, some twenty a record.
"""

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, Row, Select, String, func, select

from services.sensors.arrival import tables
from services.sensors.arrival.record import Record
from services.sensors.store import index
from services.sensors.store.even_times import NS
from services.sensors.store.span import Span
from services.sensors.timing.hull import piece_number
from shared.sql.in_values import asked_rows, encoded

BLOCK_PIECES = 8
LINE_PIECES = 64

_SECONDS_MAX = 3600  # of device time: what is further apart is asked for era by era
_ROOM = 1.25  # a stated rate is wrong by a tenth at most, or it is not believed
_eras, _blocks, _lines = tables.clock_era, tables.clock_block, tables.clock_line


class Asked(NamedTuple):
    """Blocks, blocks of lines, and device times from the first to the last that one sensor's records may need."""

    sensor_id: str
    block: int
    last_block: int
    line: int
    last_line: int
    from_ns: int
    to_ns: int
    near_ns: int


def asked(sensor_id: str, records: Sequence[Record]) -> Asked | None:
    """None: they are too far apart to be asked for together."""
    ends = [record.device_ns for record in records]
    first_ns, last_ns = min(ends), max(ends)
    if last_ns - first_ns > _SECONDS_MAX * NS:
        return None
    first, last = piece_number(first_ns), piece_number(last_ns)
    longest_ns = max(round((record.count + 4) * _ROOM * NS / record.rate_hz) for record in records)
    to_ns = last_ns + max(round(2 * _ROOM * NS / record.rate_hz) for record in records)
    return Asked(
        sensor_id=sensor_id,
        block=first // BLOCK_PIECES - 1,
        last_block=last // BLOCK_PIECES + 1,
        line=first // LINE_PIECES - 1,
        last_line=last // LINE_PIECES + 1,
        from_ns=first_ns - longest_ns,
        to_ns=to_ns,
        near_ns=index.device_near_ns(to_ns),
    )


Key = tuple[str, int]
"""Sensor and era."""


@dataclass(slots=True)
class ReadAhead:
    """By sensor, or by sensor and era. What is not there was not asked for, or there is none."""

    asked: Mapping[str, Asked] = field(default_factory=dict)
    eras: defaultdict[str, list[Row[Any]]] = field(default_factory=lambda: defaultdict(list))
    blocks: defaultdict[Key, list[Row[Any]]] = field(default_factory=lambda: defaultdict(list))
    lines: defaultdict[Key, list[Row[Any]]] = field(default_factory=lambda: defaultdict(list))
    spans: defaultdict[Key, list[Span]] = field(default_factory=lambda: defaultdict(list))


def read_ahead(tx: Connection, wanted: Iterable[Asked]) -> ReadAhead:
    """Sensors that are locked, and whose rows do not change but by what is read here."""
    found = ReadAhead(asked={one.sensor_id: one for one in wanted})
    if not found.asked:
        return found
    asked_for = {"asked": encoded(found.asked.values())}
    of_eras, of_blocks, of_lines, of_spans = _statements(tx.dialect.name)
    for row in tx.execute(of_eras, asked_for):
        found.eras[row.sensor_id].append(row)
    for row in tx.execute(of_blocks, asked_for):
        found.blocks[row.sensor_id, row.era].append(row)
    for row in tx.execute(of_lines, asked_for):
        found.lines[row.sensor_id, row.era].append(row)
    for span in index.fetched(tx, of_spans, asked_for):
        found.spans[span.sensor_id, span.era].append(span)
    return found


def eras() -> Select[Any]:
    """With the first and the last block of each, and whether messages ever came in one as the device sampled."""
    is_its = (_blocks.c.sensor_id == _eras.c.sensor_id) & (_blocks.c.era == _eras.c.era)

    def end(which: Any) -> Any:
        return select(which(_blocks.c.block)).where(is_its).correlate(_eras).scalar_subquery()

    active = select(_blocks.c.block).where(is_its, _blocks.c.active > 0).correlate(_eras).exists()
    return select(
        _eras, end(func.min).label("first_block"), end(func.max).label("last_block"), active.label("is_active")
    )


@functools.cache
def _statements(dialect: str) -> tuple[Select[Any], ...]:
    rows = asked_rows(dialect, **{name: String() if name == "sensor_id" else BigInteger() for name in Asked._fields})
    # By era, for an index has it before what is looked for in it.
    of_sensor = rows.join(_eras, _eras.c.sensor_id == rows.c.sensor_id)

    def of_era(query: Select[Any], table: Any) -> Select[Any]:
        is_its = (table.c.sensor_id == _eras.c.sensor_id) & (table.c.era == _eras.c.era)
        return query.select_from(of_sensor.join(table, is_its))

    device_times = (rows.c.from_ns, rows.c.to_ns, rows.c.near_ns)
    return (
        eras().select_from(of_sensor).order_by(_eras.c.sensor_id, _eras.c.era),
        of_era(select(_blocks), _blocks)
        .where(_blocks.c.block.between(rows.c.block, rows.c.last_block))
        .order_by(_blocks.c.block),
        of_era(select(_lines), _lines).where(_lines.c.block.between(rows.c.line, rows.c.last_line)),
        index.spans_of(of_sensor, _eras.c.sensor_id, _eras.c.era, *device_times),
    )
