"""Rejected lines: counted by reason, and for the sensor that they name, where there is such a one."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from services.sensors import tables
from services.sensors.accounting.account import Account, rejected
from services.sensors.arrival import accounts, rejected_minutes, senders
from services.sensors.ingest.recording import RejectedLine, Station
from services.sensors.registry.sensor import sensor_id
from shared.sql.in_values import in_values


def note(tx: Connection, organisation_id: str, lines: Sequence[RejectedLine]) -> tuple[RejectedLine, ...]:
    """The same lines, with their sensors."""
    named = _sensors(tx, organisation_id, {one.of for one in lines if one.of is not None})
    found = tuple(one if one.of is None else replace(one, sensor_id=named.get(one.of)) for one in lines)
    accounts.note_all(tx, by_sensor(found), {})
    rejected_minutes.note(tx, ((one.sensor_id, one.time) for one in found))
    senders.note_rejected(tx, ((one.kind, one.samples) for one in found))
    return found


def by_sensor(lines: Sequence[RejectedLine]) -> dict[str, Account]:
    """Without lines of no known sensor."""
    found: defaultdict[str, Account] = defaultdict(Account)
    for one in lines:
        if one.sensor_id is not None:
            found[one.sensor_id] += rejected(one.samples, one.reason)
    return dict(found)


def of_no_sensor(lines: Sequence[RejectedLine]) -> Account:
    return sum((rejected(one.samples, one.reason) for one in lines if one.sensor_id is None), Account())


def _sensors(tx: Connection, organisation_id: str, stations: set[Station]) -> dict[Station, str]:
    """Those that are there, locked. Two devices may have one station's code: then names tell whose it is."""
    ids = {station: sensor_id(organisation_id, station.network, station.station) for station in stations}
    table = tables.sensor
    query = select(table.c.id, table.c.name).where(in_values(tx, table.c.id, sorted(set(ids.values()))))
    names = {row.id: row.name for row in tx.execute(query.order_by(table.c.id).with_for_update())}
    return {station: its for station, its in ids.items() if its in names and station.name in (None, names[its])}
