"""Composition of the sensors service: builds its parts and wires them. Called by the composition roots only."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.sensors import api, tables
from services.sensors.arrival import accounts, senders
from services.sensors.arrival.device_arrival import DeviceArrival
from services.sensors.arrival.time_arrival import TimeArrival
from services.sensors.catalogue.history import EventHistory
from services.sensors.catalogue.importer import CatalogueImporter
from services.sensors.catalogue.measures import measured as catalogue_measured
from services.sensors.catalogue.queries import EventQueries
from services.sensors.configuration.commands import ConfigurationCommands
from services.sensors.configuration.history import ConfigurationHistory
from services.sensors.exports.exports import Exports, open_exports
from services.sensors.exports.making.standing import AskStanding, nobody_to_ask
from services.sensors.exports.telling import Tell, nobody_to_tell
from services.sensors.health.details import DetailQueries
from services.sensors.health.measuring import HealthMeasuring
from services.sensors.http.configuration.configuration_resources import ConfigurationParts
from services.sensors.http.events.resources import EventParts
from services.sensors.http.networks.network_resources import NetworkParts
from services.sensors.http.recent_pages import RecentPages
from services.sensors.ingest.importer import Importer
from services.sensors.live.devices import Devices
from services.sensors.live.receiver import Receiver
from services.sensors.networks.adoption import adopt_sensors
from services.sensors.networks.commands import NetworkCommands
from services.sensors.networks.moves import SensorMoves
from services.sensors.networks.queries import NetworkQueries
from services.sensors.networks.remote_commands import RemoteNetworks
from services.sensors.networks.statistics import StatisticsQueries
from services.sensors.overview.overview import Overview
from services.sensors.publication import publish
from services.sensors.recordings.availability import Availability
from services.sensors.recordings.reading import RecordingReader
from services.sensors.registry.events import types
from services.sensors.registry.queries import SensorQueries
from services.sensors.samples import Samples, open_samples
from services.sensors.store.sealing.due_hours import measured as hours_due
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.gate.grants.replica import Replica
from shared.observability.at_scrape import Measure
from shared.replication import lag
from shared.replication.envelopes import Envelopes
from shared.replication.heads.sent_elsewhere import Elsewhere, SentElsewhere
from shared.replication.proof.published_signers import PublishedSigners
from shared.replication.proof.signatures import Signer
from shared.replication.proof.signed_heads import HeadSigner, SignedHead, signed_end
from shared.replication.relay import Bus, Relay
from shared.runtime.clock import Clock
from shared.sql.clocks.clock_watch import ClockWatch
from shared.sql.database import Database
from shared.sql.migrations import migrate
from shared.web.conditions.idempotency import Idempotency
from shared.web.evidence.log_head import LogHead
from shared.web.requests.client_address import TrustedProxies
from shared.web.route import InternalRoute, Route
from shared.web.still_admitted import StillAdmitted

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensors:
    database: Database
    store: SqlEventStore
    relay: Relay
    clock: Clock
    queries: SensorQueries
    configuration: ConfigurationParts
    networks: NetworkParts
    samples: Samples
    clock_watch: ClockWatch
    importer: Importer
    events: EventParts
    catalogue_importer: CatalogueImporter
    arrival: DeviceArrival
    exports: Exports
    receiver: Receiver
    heads: HeadSigner | None
    sent_heads: SentElsewhere

    def is_ready(self) -> bool:
        return self.database.answers()

    def signed_head(self) -> SignedHead | None:
        """Where the log ends, and how many samples were offered; None without a signing key."""
        return signed_end(self.heads, self.store, accounts.offered)

    def provided(self) -> dict[str, object]:
        """What the nameko service asks for."""
        return {
            "sensors.queries": self.queries,
            "sensors.networks": self.networks.queries,
            "sensors.network_commands": RemoteNetworks(self.networks.commands, self.networks.queries),
            "sensors.overview": self.overview(),
            "sensors.relay": self.relay,
            "sensors.samples": self.samples,
            "sensors.clock_watch": self.clock_watch,
            "sensors.arrival": self.arrival,
            "sensors.health": HealthMeasuring(self.database, self.clock_watch.clock),
            "sensors.exports": self.exports.maker,
            "sensors.export_telling": self.exports.telling,
            "sensors.receiver": self.receiver,
            "sensors.sent_heads": self.sent_heads,
        }

    def overview(self) -> Overview:
        """For who is no key."""
        networks = self.networks
        return Overview(networks.queries, networks.statistics, self.queries, self.samples.reader)

    def routes(self, replica: Replica, _proxies: TrustedProxies) -> list[Route]:
        """The public resources; `replica` is the web process's."""
        parts = api.Parts(
            queries=self.queries,
            details=DetailQueries(self.database),
            pages=RecentPages(self.queries.position, self.clock.elapsed_seconds),
            networks=self.networks,
            configuration=self.configuration,
            recordings=RecordingReader(self.samples.reader),
            availability=Availability(self.database, self.samples.coding),
            exports=self.exports,
            events=self.events,
        )
        routes = api.routes(parts, self.clock, StillAdmitted(replica))
        return Idempotency(self.database, tables.idempotency, self.clock_watch.clock).serves(routes)

    def internal_routes(self) -> list[InternalRoute]:
        """Nobody follows this service; auth keeps where its log ends."""
        return [InternalRoute("/internal/head", LogHead(self.signed_head), frozenset({"auth"}))]

    def measures(self) -> list[Measure]:
        """What is measured when metrics are asked for."""
        return [
            lag.of_log("sensors", self.database, tables.metadata),
            accounts.measured(self.database),
            senders.measured(self.database),
            catalogue_measured(self.database),
            hours_due(self.database, self.clock_watch.clock),
        ]

    def start(self) -> None:
        """Timers start what it does."""

    def stop(self) -> None:
        """Ends what is made in the background; it is begun anew by the next process."""
        self.exports.maker.stop()


def documented_routes() -> list[Route]:
    """The public resources, to describe and not to serve."""
    nothing: Any = None
    exports = Exports(store=nothing, files=nothing, maker=nothing, telling=nothing, clock=nothing)
    parts = api.Parts(
        queries=nothing,
        details=nothing,
        pages=nothing,
        networks=nothing,
        configuration=nothing,
        recordings=nothing,
        availability=nothing,
        exports=exports,
        events=EventParts(queries=nothing, history=nothing),
    )
    return api.routes(parts, nothing, nothing)


def assemble(
    database: Database,
    bus: Bus,
    clock: Clock,
    samples_folder: Path,
    *,
    signer: Signer | None = None,
    elsewhere: Elsewhere | None = None,
    exports_folder: Path | None = None,
    standing: AskStanding = nobody_to_ask,
    tell: Tell = nobody_to_tell,
) -> Sensors:
    """Migrates the database first. `samples_folder`: where sealed samples are.

    `signer`: of heads of the log. `elsewhere`: where they are sent. `exports_folder`: None: beside that of samples.
    `standing`: of keys that asked for exports. `tell`: of exports that ended.
    """
    migrate(database, MIGRATIONS)
    store = SqlEventStore(database, tables.metadata)
    adopt_sensors(database, store, clock)
    heads = None
    if signer is not None:
        PublishedSigners(database, tables.signing_key).publish(signer, clock)
        heads = HeadSigner(signer, clock)
    clock_watch = ClockWatch("sensors", database, tables.clock_reading, clock)
    samples = open_samples(database, samples_folder, clock_watch.clock)
    importer, events = Importer(database, store, samples.store, clock), EventQueries(database)
    arrival, timed = DeviceArrival(database, samples.store, clock), TimeArrival(database, samples.store)
    queries = SensorQueries(database, clock)
    exports_folder = exports_folder or samples_folder.with_name("exports")
    return Sensors(
        database=database,
        store=store,
        relay=Relay(database, tables.metadata, store, Envelopes("sensors", types, publish), bus),
        clock=clock,
        queries=queries,
        configuration=ConfigurationParts(
            commands=ConfigurationCommands(store, clock), history=ConfigurationHistory(store)
        ),
        networks=NetworkParts(
            commands=NetworkCommands(store, clock),
            queries=NetworkQueries(database),
            moves=SensorMoves(store, clock),
            statistics=StatisticsQueries(database, clock, events.count_by_network),
        ),
        samples=samples,
        clock_watch=clock_watch,
        importer=importer,
        events=EventParts(queries=events, history=EventHistory(store)),
        catalogue_importer=CatalogueImporter(database, store, clock),
        arrival=arrival,
        receiver=Receiver(database, Devices(database, importer), arrival, timed, clock),
        exports=open_exports(
            database, exports_folder, samples_folder, queries, clock_watch.clock, standing=standing, tell=tell
        ),
        heads=heads,
        sent_heads=SentElsewhere("sensors", lambda: signed_end(heads, store, accounts.offered), elsewhere),
    )
