"""Accounts of sensors in SQL: sums of what became of all samples, and the first differing values."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import Metric
from sqlalchemy import Connection, func, insert, select, update

from services.sensors.accounting.account import Account, Differing
from services.sensors.arrival import tables
from shared.observability.at_scrape import Measure, gauge
from shared.sql.database import Database
from shared.sql.in_values import in_values, inserted, insertion_of

DIFFERING_MAX = 1000
_PARTS = ("new", "repeated", "differing", "rejected")
_OF_DELETED = ""  # the row that sums up sensors that were deleted


def note(tx: Connection, sensor_id: str, account: Account, differing: Sequence[Differing]) -> None:
    note_all(tx, {sensor_id: account}, {sensor_id: differing})


def note_all(tx: Connection, of: Mapping[str, Account], differing: Mapping[str, Sequence[Differing]]) -> None:
    """Of many sensors."""
    rows = [
        {"sensor_id": sensor_id, "is_finer": 0, **{name: getattr(of[sensor_id], name) for name in _PARTS}}
        for sensor_id in sorted(of)
    ]
    if rows:
        tx.execute(_grown(tx.dialect.name), inserted(tx.dialect.name, tables.sample_account, rows))
    for sensor_id, found in differing.items():
        if found:
            _list(tx, sensor_id, found)


def finer(tx: Connection, sensor_ids: Iterable[str]) -> set[str]:
    """Those of which some values were finer than a milligal: all of their later ones are kept as floats."""
    table = tables.sample_account
    its = in_values(tx, table.c.sensor_id, sensor_ids)
    return set(tx.execute(select(table.c.sensor_id).where(its, table.c.is_finer == 1)).scalars())


def note_finer(tx: Connection, sensor_id: str) -> None:
    table = tables.sample_account
    note(tx, sensor_id, Account(), ())
    tx.execute(update(table).where(table.c.sensor_id == sensor_id).values(is_finer=1))


def of_sensor(tx: Connection, sensor_id: str) -> Account:
    table = tables.sample_account
    row = tx.execute(select(table).where(table.c.sensor_id == sensor_id)).first()
    if row is None:
        return Account()
    return Account(new=row.new, repeated=row.repeated, differing=row.differing, reasons={"": row.rejected})


def listed(tx: Connection, sensor_id: str) -> list[Differing]:
    """In the order in which they were offered."""
    table = tables.differing
    rows = tx.execute(select(table).where(table.c.sensor_id == sensor_id).order_by(table.c.id))
    return [
        Differing(
            axis=row.axis,
            start_ns=row.start_ns,
            end_ns=row.end_ns,
            samples=row.samples,
            kept=(row.kept_least, row.kept_greatest),
            offered=(row.offered_least, row.offered_greatest),
            source=row.source,
        )
        for row in rows
    ]


def offered(tx: Connection) -> int:
    """How many samples were ever offered, over all sensors. It never shrinks."""
    columns = tables.sample_account.c
    of_one = columns.new + columns.repeated + columns.differing + columns.rejected
    return int(tx.execute(select(func.sum(of_one))).scalar_one() or 0)


def add_to_deleted(tx: Connection, sensor_id: str) -> None:
    """Before a sensor's account is deleted: what it adds up to still counts among all."""
    note(tx, _OF_DELETED, of_sensor(tx, sensor_id), ())


def measured(database: Database) -> Measure:
    """What became of all samples, over all sensors. Not: rejected lines of files, which are of no known sensor."""
    table, waiting = tables.sample_account, tables.held_record

    def samples() -> Iterable[Metric]:
        with database.reading() as tx:
            row = tx.execute(select(*(func.sum(table.c[name]) for name in _PARTS))).one()
            held = tx.execute(select(func.count()).select_from(waiting)).scalar_one()
        counted = {name: float(count or 0) for name, count in zip(_PARTS, row, strict=True)}
        yield gauge(
            "grillo_samples",
            "Samples ever offered, by what became of them. Not: of records that wait.",
            "outcome",
            counted,
        )
        yield gauge(
            "grillo_held_records",
            "Records whose era is not decided yet. Not: their samples.",
            "service",
            {"sensors": held},
        )

    return samples


@functools.cache
def _grown(dialect: str) -> Any:
    table = tables.sample_account
    statement = insertion_of(dialect, table, ("sensor_id", "is_finer", *_PARTS))
    grown = {name: table.c[name] + statement.excluded[name] for name in _PARTS}
    return statement.on_conflict_do_update(index_elements=["sensor_id"], set_=grown)


def _list(tx: Connection, sensor_id: str, differing: Sequence[Differing]) -> None:
    table = tables.differing
    listed_already = select(func.count()).select_from(table).where(table.c.sensor_id == sensor_id)
    room = DIFFERING_MAX - tx.execute(listed_already).scalar_one()
    rows = [
        {
            "sensor_id": sensor_id,
            "axis": one.axis,
            "start_ns": one.start_ns,
            "end_ns": one.end_ns,
            "samples": one.samples,
            "kept_least": one.kept[0],
            "kept_greatest": one.kept[1],
            "offered_least": one.offered[0],
            "offered_greatest": one.offered[1],
            "source": one.source,
        }
        for one in differing[: max(room, 0)]
    ]
    if rows:
        tx.execute(insert(table), rows)
