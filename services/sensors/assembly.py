"""Composition of the sensors service: builds its parts and wires them. Called by the composition roots only."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.sensors import api, tables
from services.sensors.events import types
from services.sensors.ingest.importer import Importer
from services.sensors.publication import publish
from services.sensors.queries import SensorQueries
from services.sensors.store.recording_store import RecordingStore
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.gate.grants.grants import Grants
from shared.observability.at_scrape import Measure
from shared.replication import lag
from shared.replication.envelopes import Envelopes
from shared.replication.relay import Bus, Relay
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.sql.migrations import migrate
from shared.web.requests.client_address import TrustedProxies
from shared.web.route import InternalRoute, Route

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensors:
    database: Database
    store: SqlEventStore
    relay: Relay
    queries: SensorQueries
    recordings: RecordingStore
    importer: Importer

    def provided(self) -> dict[str, object]:
        """What the nameko service asks for."""
        return {"sensors.queries": self.queries, "sensors.relay": self.relay}

    def routes(self, _grants: Grants, _proxies: TrustedProxies) -> list[Route]:
        """The public resources."""
        return api.routes(self.queries, self.recordings)

    def internal_routes(self) -> list[InternalRoute]:
        """None: nobody follows this service yet."""
        return []

    def measures(self) -> list[Measure]:
        """What is measured when metrics are asked for."""
        return [lag.of_log("sensors", self.database, tables.metadata)]

    def start(self) -> None:
        """Timers start what it does."""

    def stop(self) -> None:
        """Nothing of it goes on by itself."""


def documented_routes() -> list[Route]:
    """The public resources, to describe and not to serve."""
    nothing: Any = None
    return api.routes(nothing, nothing)


def assemble(database: Database, bus: Bus, clock: Clock) -> Sensors:
    """Migrates the database first."""
    migrate(database, MIGRATIONS)
    store = SqlEventStore(database, tables.metadata)
    recordings = RecordingStore(database)
    return Sensors(
        database=database,
        store=store,
        relay=Relay(database, tables.metadata, store, Envelopes("sensors", types, publish), bus),
        queries=SensorQueries(database, clock),
        recordings=recordings,
        importer=Importer(store, recordings, clock),
    )
