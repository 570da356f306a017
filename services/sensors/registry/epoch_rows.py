"""Rows of epochs, as the projection keeps them: those of a sensor by axis, and one more statement over them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select

from services.sensors import tables
from services.sensors.registry.epoch import Epoch, Epochs, Facts, overlaid
from shared.sql.in_values import in_values

_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(Facts).decode


def of_sensor(tx: Connection, sensor_id: str) -> Mapping[str, Epochs]:
    """By axis, OF_SENSOR for the whole; an axis of which nothing was stated is not there."""
    table = tables.sensor_epoch
    rows = tx.execute(
        select(table.c.axis, table.c.from_ns, table.c.to_ns, table.c.facts)
        .where(table.c.sensor_id == sensor_id)
        .order_by(table.c.axis, table.c.from_ns)
    )
    return _by_axis(rows)


def with_codes(tx: Connection, sensor_ids: Iterable[str]) -> dict[str, tuple[str, str, Mapping[str, Epochs]]]:
    """By sensor that there is: network and station codes, and its epochs by axis, in one query."""
    table, epoch = tables.sensor, tables.sensor_epoch
    rows = tx.execute(
        select(
            table.c.id, table.c.network, table.c.station, epoch.c.axis, epoch.c.from_ns, epoch.c.to_ns, epoch.c.facts
        )
        .outerjoin(epoch, epoch.c.sensor_id == table.c.id)
        .where(in_values(tx, table.c.id, sensor_ids))
        .order_by(epoch.c.axis, epoch.c.from_ns)
    )
    of_sensors: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        of_sensors[row.id].append(row)
    return {
        sensor_id: (its[0].network, its[0].station, _by_axis(row for row in its if row.axis is not None))
        for sensor_id, its in of_sensors.items()
    }


def state(tx: Connection, sensor_id: str, axis: str, new: Epoch) -> Epochs:
    """The epochs of an axis after a statement. Who calls it has locked the sensor, or its log."""
    table = tables.sensor_epoch
    epochs = overlaid(of_sensor(tx, sensor_id).get(axis, ()), new)
    tx.execute(delete(table).where(table.c.sensor_id == sensor_id, table.c.axis == axis))
    rows = [
        {"sensor_id": sensor_id, "axis": axis, "from_ns": epoch.from_ns, "to_ns": epoch.to_ns, "facts": _text(epoch)}
        for epoch in epochs
    ]
    if rows:
        tx.execute(insert(table), rows)
    return epochs


def forget(tx: Connection, sensor_id: str) -> None:
    tx.execute(delete(tables.sensor_epoch).where(tables.sensor_epoch.c.sensor_id == sensor_id))


def _by_axis(rows: Iterable[Any]) -> dict[str, Epochs]:
    """`rows`: of the two queries above."""
    found: defaultdict[str, list[Epoch]] = defaultdict(list)
    for row in rows:
        found[row.axis].append(Epoch(from_ns=row.from_ns, to_ns=row.to_ns, facts=_decode(row.facts)))
    return {axis: tuple(epochs) for axis, epochs in found.items()}


def _text(epoch: Epoch) -> str:
    return _encode(epoch.facts).decode()
