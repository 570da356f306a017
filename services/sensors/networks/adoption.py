"""Adoption: sensors that were registered before there were networks join their organisation's oldest one.

At the service's start, by events of the log, so that what is rebuilt from it is the same. Safe to run at the same time
in several processes: a network is made while the log is locked, and a sensor that is moved already stays.
"""

from datetime import datetime
from functools import partial

from sqlalchemy import Connection, select

from services.sensors import tables
from services.sensors.networks.commands import NetworkCommands
from services.sensors.registry import sensor
from services.sensors.registry.events import SensorEvent, types
from services.sensors.registry.projection import project
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.runtime.clock import Clock
from shared.sql.database import Database

_AT_ONCE = 200
_ORIGIN = Origin(actor="grillo")


def adopt_sensors(database: Database, store: SqlEventStore, clock: Clock) -> None:
    """Does nothing where every sensor has a network."""
    sensors: Repository[sensor.Sensor | None, SensorEvent, Connection] = Repository(
        store,
        types,
        initial=None,
        evolve=sensor.evolve,
        project=project,
        after_commit=lambda: None,
        clock=clock,
    )
    networks, now = NetworkCommands(store, clock), clock.now()
    for organisation_id in _organisations(database):
        network_id, last = networks.for_old_sensors(organisation_id, _ORIGIN), ""
        while found := _without_network(database, organisation_id, last):
            sensors.execute_all(found, partial(_adopted, network_id, now), _ORIGIN)
            last = found[-1]


def _adopted(network_id: str, now: datetime, state: sensor.Sensor | None) -> tuple[SensorEvent, ...]:
    return () if state is None or state.network_id is not None else sensor.decide_move(state, network_id, now)


def _organisations(database: Database) -> list[str]:
    table = tables.sensor
    query = select(table.c.organisation_id).where(table.c.network_id.is_(None)).distinct()
    with database.reading(once=True) as tx:
        return list(tx.execute(query.order_by(table.c.organisation_id)).scalars())


def _without_network(database: Database, organisation_id: str, after: str) -> list[str]:
    table = tables.sensor
    query = select(table.c.id).where(table.c.organisation_id == organisation_id, table.c.network_id.is_(None))
    with database.reading(once=True) as tx:
        return list(tx.execute(query.where(table.c.id > after).order_by(table.c.id).limit(_AT_ONCE)).scalars())
