"""The index of samples in SQL: spans, the files of those that are sealed, and the hours that are to be sealed.

Every function works in the caller's transaction.
"""

import functools
from collections.abc import Collection, Iterable
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, select, update

from services.sensors import tables
from services.sensors.store.even_times import HOUR_NS, NS
from services.sensors.store.miniseed.codec import RECORD_BYTES
from services.sensors.store.miniseed.codes import Codes, SensorCodes, SensorUnknown
from services.sensors.store.piece import PIECE_SECONDS_MAX, SAMPLE_TYPES, Piece
from services.sensors.store.span import SealedSpan, Span
from shared.sql.database import upsert
from shared.sql.dialect_functions import upsert_for

_SPAN_SECONDS_MAX = max(PIECE_SECONDS_MAX, 3600) + 1
_ROWS_MAX = 500  # of one statement
_LOCK = select(tables.sensor.c.organisation_id).where(tables.sensor.c.id == bindparam("sensor_id")).with_for_update()
_INSERT = insert(tables.span)
_KINDS = {kind: letter for letter, kind in SAMPLE_TYPES.items()}


def lock_sensor(tx: Connection, sensor_id: str) -> str:
    """Writers of one sensor's index take turns until the end of the transaction. Its organisation's id.

    Raises SensorUnknown.
    """
    row = tx.execute(_LOCK, {"sensor_id": sensor_id}).one_or_none()
    if row is None:
        raise SensorUnknown(sensor_id)
    return str(row.organisation_id)


def insert_pieces(tx: Connection, sensor_id: str, pieces: Iterable[Piece], now_us: int) -> None:
    """Each as a row of its own, and its hour to be sealed."""
    rows = [_row(sensor_id, piece) for piece in pieces]
    if not rows:
        return
    tx.execute(_INSERT, rows)
    hours = {(row["axis"], row["hour"]) for row in rows}
    note_due(tx, sensor_id, hours, now_us)


def note_due(tx: Connection, sensor_id: str, hours: Collection[tuple[str, int]], now_us: int) -> None:
    """Those hours of those axes are to be sealed; a note that is there already stays as it is."""
    if hours:
        rows = [_due(sensor_id, axis, hour, now_us) for axis, hour in sorted(hours)]
        tx.execute(_note_due(tx.dialect.name), rows)


def note_changed(tx: Connection, sensor_id: str, hours: Collection[tuple[str, int]], now_us: int) -> None:
    """What is sealed of those hours is to be sealed anew: a sealer that is at it now does not count."""
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


def note_channel(tx: Connection, sensor_id: str, axis: str, codes: Codes, rate_hz: float, end_ns: int) -> None:
    """Keeps the codes, the rate and the end of an axis's latest samples, for lists."""
    values: dict[str, Any] = {
        "location_code": codes.location,
        "code": codes.channel,
        "sample_rate_hz": rate_hz,
        "last_sample_ns": end_ns,
    }
    tx.execute(_note_channel(tx.dialect.name), {"sensor_id": sensor_id, "axis": axis, "sealing_until_us": 0, **values})


def recode_channel(tx: Connection, sensor_id: str, axis: str, codes: SensorCodes) -> None:
    """Notes the codes of an axis's latest samples as they are now."""
    table = tables.channel
    is_this = (table.c.sensor_id == sensor_id) & (table.c.axis == axis)
    row = tx.execute(select(table.c.last_sample_ns, table.c.sample_rate_hz).where(is_this)).one_or_none()
    if row is not None:
        now = codes.at(axis, row.last_sample_ns, row.sample_rate_hz)
        tx.execute(update(table).where(is_this).values(location_code=now.location, code=now.channel))


def find_last_sample(tx: Connection, sensor_id: str, axis: str) -> None:
    """Notes the end of an axis's samples as they are now: their times have moved, if only to a microsecond."""
    spans, table = tables.span, tables.channel
    is_axis = (spans.c.sensor_id == sensor_id) & (spans.c.axis == axis)
    latest = select(spans.c.end_ns, spans.c.rate_hz).where(is_axis).order_by(spans.c.end_ns.desc()).limit(1)
    row = tx.execute(latest).one_or_none()
    if row is not None:
        is_this = (table.c.sensor_id == sensor_id) & (table.c.axis == axis)
        tx.execute(update(table).where(is_this).values(last_sample_ns=row.end_ns, sample_rate_hz=row.rate_hz))


def spans() -> Select[Any]:
    joined = tables.span.outerjoin(tables.sealed_file, tables.sealed_file.c.id == tables.span.c.file_id)
    files = tables.sealed_file
    return select(tables.span, files.c.path, files.c.record_bytes).select_from(joined)


_of_sensor = spans().where(tables.span.c.sensor_id == bindparam("sensor_id"))
_BETWEEN = _of_sensor.where(
    tables.span.c.end_ns >= bindparam("start_ns"),
    tables.span.c.end_ns < bindparam("near_ns"),
    tables.span.c.start_ns < bindparam("end_ns"),
).order_by(tables.span.c.axis, tables.span.c.start_ns, tables.span.c.id)
_BY_DEVICE_TIME = _of_sensor.where(
    tables.span.c.era == bindparam("era"),
    tables.span.c.device_end_ns >= bindparam("from_ns"),
    tables.span.c.device_end_ns <= bindparam("near_ns"),
    tables.span.c.device_ns <= bindparam("to_ns"),
).order_by(tables.span.c.axis, tables.span.c.device_ns, tables.span.c.id)


def between(tx: Connection, sensor_id: str, start_ns: int, end_ns: int) -> list[Span]:
    """Spans with a sample in [start_ns, end_ns), or near it, of all axes, by axis and time."""
    near_ns = end_ns + _SPAN_SECONDS_MAX * NS
    asked = {"sensor_id": sensor_id, "start_ns": start_ns, "end_ns": end_ns, "near_ns": near_ns}
    return [_span(row) for row in tx.execute(_BETWEEN, asked)]


def by_device_time(tx: Connection, sensor_id: str, era: int, from_ns: int, to_ns: int) -> list[Span]:
    """Spans of one era with a sample from `from_ns` to `to_ns` by the device's clock, by axis and device time."""
    near_ns = to_ns + 2 * _SPAN_SECONDS_MAX * NS  # a device's hour may be longer than ours
    asked = {"sensor_id": sensor_id, "era": era, "from_ns": from_ns, "to_ns": to_ns, "near_ns": near_ns}
    return [_span(row) for row in tx.execute(_BY_DEVICE_TIME, asked)]


def of_hour(tx: Connection, sensor_id: str, axis: str, hour: int) -> list[Span]:
    table = tables.span
    query = spans().where(table.c.sensor_id == sensor_id, table.c.axis == axis, table.c.hour == hour)
    return fetched(tx, query.order_by(table.c.start_ns, table.c.id))


def fetched(tx: Connection, query: Select[Any]) -> list[Span]:
    return [_span(row) for row in tx.execute(query)]


def delete_spans(tx: Connection, ids: Collection[int]) -> None:
    wanted = list(ids)
    for first in range(0, len(wanted), _ROWS_MAX):
        tx.execute(delete(tables.span).where(tables.span.c.id.in_(wanted[first : first + _ROWS_MAX])))


@functools.cache
def _note_due(dialect: str) -> Any:
    return upsert_for(dialect, tables.seal_due).on_conflict_do_nothing()


@functools.cache
def _note_channel(dialect: str) -> Any:
    table = tables.channel
    statement = upsert_for(dialect, table)
    latest = ("location_code", "code", "sample_rate_hz", "last_sample_ns")
    return statement.on_conflict_do_update(
        index_elements=["sensor_id", "axis"],
        set_={name: statement.excluded[name] for name in latest},
        where=table.c.last_sample_ns < statement.excluded.last_sample_ns,
    )


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
