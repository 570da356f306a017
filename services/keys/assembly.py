"""Puts the keys service together from its parts. Called by the composition roots only."""

from dataclasses import dataclass
from pathlib import Path

from services.keys import api, organisation_activity_api, tables
from services.keys.command import Commands
from services.keys.events import types
from services.keys.history import History
from services.keys.idempotency import Idempotency
from services.keys.last_use import LastUse
from services.keys.organisation_history import OrganisationHistory
from services.keys.past import Past
from services.keys.propagation import GATES, Propagation
from services.keys.publication import publish
from services.keys.queries import Queries
from services.keys.rebuild import rebuild
from services.keys.remote import RemoteCommands
from services.keys.storage import Storage
from services.keys.sweep import Sweep
from shared.clock import Clock
from shared.contracts.keys import IGNORABLE
from shared.database import Database
from shared.feed import LogFeed
from shared.gate.grants import Grants
from shared.migrations import migrate
from shared.publication import Publication
from shared.relay import Bus, Doorbell, Relay
from shared.sql_event_store import SqlEventStore
from shared.web.internal import FeedPages, GatePlace
from shared.web.route import Route

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    clock: Clock
    database: Database
    store: SqlEventStore
    relay: Relay
    doorbell: Doorbell
    storage: Storage
    propagation: Propagation
    commands: Commands
    queries: Queries
    history: History
    organisation_history: OrganisationHistory
    past: Past
    idempotency: Idempotency
    sweep: Sweep
    feed: LogFeed
    last_use: LastUse

    def rebuild(self) -> int:
        """Makes the read models again from the log; how many events it holds."""
        return rebuild(self.database, self.store)

    def provided(self) -> dict[str, object]:
        """What the nameko service asks for."""
        return {
            "keys.queries": self.queries,
            "keys.history": self.history,
            "keys.feed": self.feed,
            "keys.relay": self.relay,
            "keys.storage": self.storage,
            "keys.last_use": self.last_use,
            "keys.sweep": self.sweep,
            "keys.remote_commands": RemoteCommands(self.commands),
        }

    def routes(self, grants: Grants) -> list[Route]:
        """The public resources; `grants` is the web process's replica."""
        return [
            *api.routes(self.commands, self.queries, self.past, self.idempotency, grants, self.clock),
            *organisation_activity_api.routes(self.organisation_history),
        ]

    def internal_routes(self) -> list[Route]:
        return [
            Route("/internal/feed", FeedPages(self.feed)),
            Route("/internal/gates/{gate_id}", GatePlace(self.propagation.remove)),
        ]


def assemble(database: Database, bus: Bus, clock: Clock, *, lease_seconds: float) -> Keys:
    """Migrates the database first."""
    migrate(database, MIGRATIONS)
    store = SqlEventStore(database, tables.metadata)
    publication = Publication("keys", types, publish, ignorable=IGNORABLE)
    relay = Relay(database, tables.metadata, store, publication, bus)
    doorbell = Doorbell(relay.run)
    storage = Storage(database, clock, lease_seconds=lease_seconds)
    propagation = Propagation(database, store, storage, clock, lease_seconds=lease_seconds)
    commands = Commands(database, store, doorbell, propagation, clock)
    return Keys(
        clock=clock,
        database=database,
        store=store,
        relay=relay,
        doorbell=doorbell,
        storage=storage,
        propagation=propagation,
        commands=commands,
        queries=Queries(database, clock),
        history=History(store),
        organisation_history=OrganisationHistory(store),
        past=Past(store),
        idempotency=Idempotency(database, clock),
        sweep=Sweep(database, commands.keys, clock),
        feed=LogFeed(database, store, publication, propagation.acknowledge, GATES),
        last_use=LastUse(database),
    )
