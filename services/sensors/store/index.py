"""The index of samples in SQL: spans, the files of those that are sealed, and the hours that are to be sealed.

Every function works in the caller's transaction.
"""

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, FromClause, Row, Select, bindparam, delete, insert, select

from services.sensors import tables
from services.sensors.store.even_times import HOUR_NS, NS
from services.sensors.store.miniseed.codec import RECORD_BYTES
from services.sensors.store.miniseed.codes import SensorUnknown
from services.sensors.store.piece import PIECE_SECONDS_MAX, SAMPLE_TYPES, Piece
from services.sensors.store.span import SealedSpan, Span
from shared.sql.database import upsert
from shared.sql.in_values import in_values, inserted, insertion_of

_SPAN_SECONDS_MAX = max(PIECE_SECONDS_MAX, 3600) + 1
_ROWS_MAX = 500  # of one statement
_KINDS = {kind: letter for letter, kind in SAMPLE_TYPES.items()}


def lock_sensors(tx: Connection, sensor_ids: Collection[str]) -> None:
    """Writers of one sensor's index take turns until the end of the transaction. Raises SensorUnknown.

    All of a transaction at once, or one after the other by id: so no two transactions wait for each other.
    """
    table = tables.sensor
    query = select(table.c.id).where(in_values(tx, table.c.id, sorted(sensor_ids))).order_by(table.c.id)
    found = set(tx.execute(query.with_for_update()).scalars())
    for sensor_id in sensor_ids:
        if sensor_id not in found:
            raise SensorUnknown(sensor_id)


def insert_pieces(tx: Connection, sensor_id: str, pieces: Iterable[Piece], now_us: int) -> None:
    """Each as a row of its own, and its hour to be sealed."""
    insert_all(tx, {sensor_id: pieces}, now_us)


def insert_all(tx: Connection, by_sensor: Mapping[str, Iterable[Piece]], now_us: int) -> None:
    """As `insert_pieces`, of many sensors, which are locked."""
    rows = [_row(sensor_id, piece) for sensor_id, pieces in by_sensor.items() for piece in pieces]
    if not rows:
        return
    dialect = tx.dialect.name
    tx.execute(_of_pieces(dialect), inserted(dialect, tables.span, rows))
    hours = {(row["sensor_id"], row["axis"], row["hour"]) for row in rows}
    _note_due(tx, hours - _due_already(tx, hours), now_us)


def note_changed(tx: Connection, sensor_id: str, hours: Collection[tuple[str, int]], now_us: int) -> None:
    """Those hours of those axes are to be sealed, anew if they are: a sealer that is at it now does not count."""
    if hours:
        table = tables.seal_due
        rows = [_due(sensor_id, axis, hour, now_us) for axis, hour in sorted(hours)]
        statement = upsert(tx, table)
        keys = ["sensor_id", "axis", "hour"]
        tx.execute(statement.on_conflict_do_update(index_elements=keys, set_={"version": table.c.version + 1}), rows)


def insert_file(
    tx: Connection,
    sensor_id: str,
    axis: str,
    hour: int,
    path: str,
    size: int,
    spans: Iterable[SealedSpan],
    record_bytes: int = RECORD_BYTES,
) -> None:
    """A sealed file of one hour, whose records have one length, and its spans."""
    files = tables.sealed_file
    values = {"sensor_id": sensor_id, "axis": axis, "hour": hour}
    file_id = tx.execute(
        insert(files).values(**values, path=path, bytes=size, record_bytes=record_bytes).returning(files.c.id)
    ).scalar_one()
    tx.execute(insert(tables.span), [values | _sealed_row(span) | {"file_id": file_id} for span in spans])


def spans() -> Select[Any]:
    files = tables.sealed_file
    joined = tables.span.outerjoin(files, files.c.id == tables.span.c.file_id)
    return select(tables.span, files.c.path, files.c.record_bytes).select_from(joined)


def spans_of(asked: FromClause, sensor_id: Any, era: Any, from_ns: Any, to_ns: Any, near_ns: Any) -> Select[Any]:
    """As `by_device_time`, of many sensors and eras: each asked row joined to its spans; near_ns: device_near_ns."""
    table, files = tables.span, tables.sealed_file
    is_asked = (
        (table.c.sensor_id == sensor_id)
        & (table.c.era == era)
        & table.c.device_end_ns.between(from_ns, near_ns)
        & (table.c.device_ns <= to_ns)
    )
    joined = asked.join(table, is_asked).outerjoin(files, files.c.id == table.c.file_id)
    query = select(table, files.c.path, files.c.record_bytes).select_from(joined)
    return query.order_by(table.c.axis, table.c.device_ns, table.c.id)


_of_sensor = spans().where(tables.span.c.sensor_id == bindparam("sensor_id"))
_between = _of_sensor.where(
    tables.span.c.end_ns >= bindparam("start_ns"),
    tables.span.c.end_ns < bindparam("near_ns"),
    tables.span.c.start_ns < bindparam("end_ns"),
)
_BETWEEN = _between.order_by(tables.span.c.axis, tables.span.c.start_ns, tables.span.c.id)
_EXTENTS: Select[Any] = _between.with_only_columns(
    *(tables.span.c[name] for name in ("axis", "start_ns", "end_ns", "rate_hz")), tables.span.c.count.label("samples")
)
_BY_DEVICE_TIME = _of_sensor.where(
    tables.span.c.era == bindparam("era"),
    tables.span.c.device_end_ns >= bindparam("from_ns"),
    tables.span.c.device_end_ns <= bindparam("near_ns"),
    tables.span.c.device_ns <= bindparam("to_ns"),
).order_by(tables.span.c.axis, tables.span.c.device_ns, tables.span.c.id)


def between(tx: Connection, sensor_id: str, start_ns: int, end_ns: int) -> list[Span]:
    """Spans with a sample in [start_ns, end_ns), or near it, of all axes, by axis and time."""
    return fetched(tx, _BETWEEN, _asked(sensor_id, start_ns, end_ns))


def extents_between(tx: Connection, sensor_id: str, start_ns: int, end_ns: int) -> Sequence[Row[Any]]:
    """Of the same spans, in no order: axis, start_ns, end_ns, rate_hz, and how many `samples` each has."""
    return tx.execute(_EXTENTS, _asked(sensor_id, start_ns, end_ns)).all()


def by_device_time(tx: Connection, sensor_id: str, era: int, from_ns: int, to_ns: int) -> list[Span]:
    """Spans of one era with a sample from `from_ns` to `to_ns` by the device's clock, by axis and device time."""
    asked = {"sensor_id": sensor_id, "era": era, "from_ns": from_ns, "to_ns": to_ns}
    return fetched(tx, _BY_DEVICE_TIME, asked | {"near_ns": device_near_ns(to_ns)})


def device_near_ns(to_ns: int) -> int:
    """Before which a span ends that has a sample at that device time."""
    return to_ns + 2 * _SPAN_SECONDS_MAX * NS  # a device's hour may be longer than ours


def of_hour(tx: Connection, sensor_id: str, axis: str, hour: int) -> list[Span]:
    table = tables.span
    query = spans().where(table.c.sensor_id == sensor_id, table.c.axis == axis, table.c.hour == hour)
    return fetched(tx, query.order_by(table.c.start_ns, table.c.id))


def fetched(tx: Connection, query: Select[Any], asked: Mapping[str, Any] | None = None) -> list[Span]:
    return [_span(row) for row in tx.execute(query, asked)]


def delete_spans(tx: Connection, ids: Collection[int]) -> None:
    wanted = list(ids)
    for first in range(0, len(wanted), _ROWS_MAX):
        tx.execute(delete(tables.span).where(tables.span.c.id.in_(wanted[first : first + _ROWS_MAX])))


def _note_due(tx: Connection, hours: Collection[tuple[str, str, int]], now_us: int) -> None:
    if hours:
        rows, dialect = [_due(*one, now_us) for one in sorted(hours)], tx.dialect.name
        tx.execute(_due_once(dialect), inserted(dialect, tables.seal_due, rows))


def _due_already(tx: Connection, hours: Collection[tuple[str, str, int]]) -> set[tuple[str, str, int]]:
    """Of locked sensors, so that none goes meanwhile."""
    table = tables.seal_due
    inside = table.c.hour.between(min(hour for *_, hour in hours), max(hour for *_, hour in hours))
    its = in_values(tx, table.c.sensor_id, {sensor_id for sensor_id, *_ in hours})
    rows = tx.execute(select(table.c.sensor_id, table.c.axis, table.c.hour).where(its, inside))
    return {(row.sensor_id, row.axis, row.hour) for row in rows}


@functools.cache
def _due_once(dialect: str) -> Any:
    names = ("sensor_id", "axis", "hour", "since_us", "version")
    return insertion_of(dialect, tables.seal_due, names).on_conflict_do_nothing()


@functools.cache
def _of_pieces(dialect: str) -> Any:
    names = ("sensor_id", "axis", "era", "device_ns", "device_end_ns", "start_ns", "end_ns", "hour", "rate_hz", "count")
    return insertion_of(dialect, tables.span, (*names, "kind", "crc", "samples"))


def _asked(sensor_id: str, start_ns: int, end_ns: int) -> dict[str, Any]:
    near_ns = end_ns + _SPAN_SECONDS_MAX * NS
    return {"sensor_id": sensor_id, "start_ns": start_ns, "end_ns": end_ns, "near_ns": near_ns}


def hour_of(at_ns: int) -> int:
    """Whole hours since 1970."""
    return at_ns // HOUR_NS


def _row(sensor_id: str, piece: Piece) -> dict[str, Any]:
    samples = piece.samples.tobytes()
    return {
        "sensor_id": sensor_id,
        "axis": piece.axis,
        "era": piece.era,
        "device_ns": piece.device_ns,
        "device_end_ns": piece.device_end_ns,
        "start_ns": piece.start_ns,
        "end_ns": piece.end_ns,
        "hour": hour_of(piece.start_ns),
        "rate_hz": piece.rate_hz,
        "count": piece.count,
        "kind": _KINDS[piece.samples.dtype],
        "crc": crc32(samples),
        "samples": samples,
    }


def _sealed_row(span: SealedSpan) -> dict[str, Any]:
    records = span.records.tobytes()
    return {
        "era": span.era,
        "device_ns": int(span.records["device_ns"].min()),
        "device_end_ns": int(span.records["device_end_ns"].max()),
        "start_ns": span.start_ns,
        "end_ns": span.end_ns,
        "rate_hz": span.rate_hz,
        "count": span.count,
        "kind": span.kind,
        "crc": crc32(records),
        "records": records,
    }


def _due(sensor_id: str, axis: str, hour: int, now_us: int) -> dict[str, Any]:
    return {"sensor_id": sensor_id, "axis": axis, "hour": hour, "since_us": now_us, "version": 1}


def _span(row: Row[Any]) -> Span:
    return Span(
        id=row.id,
        sensor_id=row.sensor_id,
        axis=row.axis,
        era=row.era,
        device_ns=row.device_ns,
        device_end_ns=row.device_end_ns,
        start_ns=row.start_ns,
        end_ns=row.end_ns,
        rate_hz=row.rate_hz,
        count=row._mapping["count"],
        kind=row.kind,
        crc=row.crc,
        samples=row.samples,
        records=row.records,
        file_id=row.file_id,
        path=row.path,
        record_bytes=row.record_bytes,
    )
