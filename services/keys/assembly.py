"""Composition of the keys service: builds its parts and connects them. Called by the composition roots only."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.keys import api, tables
from services.keys.commands.command_handler import CommandHandler
from services.keys.commands.expiry_sweep import ExpirySweep
from services.keys.commands.lock_out_preview import LockOutPreview
from services.keys.commands.network_checks import NetworkDirectory, NoDirectory
from services.keys.console.sessions.sign_in import SignIn
from services.keys.events import types
from services.keys.http.organisation import organisation_activity_resources
from services.keys.http.signers_resource import WELL_KNOWN, SignersResource
from services.keys.publication import publish
from services.keys.restoring.acceptance import Acceptance
from services.keys.revocation.evidence import Evidence
from services.keys.revocation.follower_places import FollowerPlaces
from services.keys.revocation.gate_cap import GATES_MAX_DEFAULT
from services.keys.revocation.gate_rows import ACKNOWLEDGED, GATES
from services.keys.revocation.propagation import Propagation
from services.keys.revocation.receipts import Receipts
from services.keys.revocation.restore_detection import RestoreDetection
from services.keys.rpc.remote_commands import RemoteCommands
from services.keys.views.as_of import AsOf
from services.keys.views.history import History
from services.keys.views.last_use import LastUse
from services.keys.views.organisation_history import OrganisationHistory
from services.keys.views.organisations.key_overview import key_overview
from services.keys.views.queries import KeyQueries
from services.keys.views.rebuild import rebuild
from shared.contracts.keys import IGNORABLE
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.gate.grants.grant import Limits
from shared.gate.grants.replica import Replica
from shared.observability.at_scrape import Measure
from shared.replication import lag
from shared.replication.divergence.divergence_watch import DivergenceWatch
from shared.replication.envelopes import Envelopes
from shared.replication.feed import LogFeed
from shared.replication.heads.sent_elsewhere import Elsewhere, SentElsewhere
from shared.replication.proof.published_signers import PublishedSigners
from shared.replication.proof.signatures import Signer
from shared.replication.proof.signed_heads import HeadSigner, signed_end
from shared.replication.relay import Bus, Doorbell, Relay
from shared.runtime.clock import Clock
from shared.sql.clocks.clock_watch import ClockWatch
from shared.sql.database import Database
from shared.sql.migrations import migrate
from shared.values.accounts import SERVICES
from shared.web.conditions.idempotency import Idempotency
from shared.web.internal_api import FeedPages, GatePlace
from shared.web.requests.client_address import TrustedProxies
from shared.web.route import InternalRoute, Route

if TYPE_CHECKING:
    from services.keys.console.app import ConsoleDoor
    from services.keys.console.openid.settings import OpenIdSettings
    from services.keys.console.pages.key_usage import KeyUsage
    from services.keys.console.pages.networks.network_states import NetworkStates
    from services.keys.console.pages.system.system_state import WatchedSystem

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    clock: Clock
    database: Database
    store: SqlEventStore
    relay: Relay
    doorbell: Doorbell
    restore_detection: RestoreDetection
    propagation: Propagation
    commands: CommandHandler
    queries: KeyQueries
    history: History
    organisation_history: OrganisationHistory
    as_of: AsOf
    idempotency: Idempotency
    sweep: ExpirySweep
    clock_watch: ClockWatch
    feed: LogFeed
    acceptance: Acceptance | None
    signer: Signer | None
    signers: PublishedSigners
    last_use: LastUse
    sign_in: SignIn
    sent_heads: SentElsewhere
    follower_places: FollowerPlaces
    networks: NetworkDirectory

    def is_ready(self) -> bool:
        return self.database.answers()

    def rebuild(self) -> int:
        """Rebuilds the read models from the log. Returns how many events it holds."""
        return rebuild(self.database, self.store)

    def provided(self) -> dict[str, object]:
        """The parts that the nameko service injects, by name."""
        return {
            "keys.queries": self.queries,
            "keys.history": self.history,
            "keys.feed": self.feed,
            "keys.signer": self.signer,
            "keys.relay": self.relay,
            "keys.restore_detection": self.restore_detection,
            "keys.last_use": self.last_use,
            "keys.sweep": self.sweep,
            "keys.clock_watch": self.clock_watch,
            "keys.sent_heads": self.sent_heads,
            "keys.remote_commands": RemoteCommands(self.commands),
        }

    def routes(self, replica: Replica, _proxies: TrustedProxies) -> list[Route]:
        """The public resources; `replica` is the web process's."""
        routes = [
            *api.routes(self.commands, self.queries, self.as_of, replica.grants, self.clock),
            *organisation_activity_resources.routes(self.organisation_history),
            Route(WELL_KNOWN, SignersResource(self.signers)),
        ]
        return self.idempotency.serves(routes)

    def console(
        self,
        *,
        tiers: Mapping[str, Limits],
        usage: "KeyUsage | None",
        sensors: "NetworkStates | None" = None,
        system: "WatchedSystem | None" = None,
        document: Mapping[str, Any],
        public_url: str,
        proxies: TrustedProxies,
        openid: "OpenIdSettings | None" = None,
    ) -> "ConsoleDoor":
        """The pages for people. `usage`, `sensors`: who is asked. `document`: the API's. `openid` None: links alone."""
        # Here and not above: templates and catalogues are read by the one process that shows pages.
        from services.keys.console.app import ConsoleDoor
        from services.keys.console.openid.issuer_sign_in import IssuerSignIn
        from services.keys.console.pages.network_names import NetworkNames
        from services.keys.console.pages.parts import Parts

        issuer = None if openid is None else IssuerSignIn(openid, self.database, self.clock, public_url)
        parts = Parts(
            commands=self.commands,
            lock_outs=LockOutPreview(self.database, self.clock),
            queries=self.queries,
            history=self.history,
            organisation_history=self.organisation_history,
            overview=partial(key_overview, self.database),
            as_of=self.as_of,
            idempotency=self.idempotency,
            sign_in=self.sign_in,
            clock=self.clock,
            tiers=tiers,
            usage=usage,
            networks=NetworkNames(self.networks, self.clock),
            sensors=sensors,
            system=system,
            public_url=public_url,
            issuer=issuer,
        )
        return ConsoleDoor(parts, proxies=proxies, is_ready=self.database.answers, document=document)

    def internal_routes(self) -> list[InternalRoute]:
        """Each service's gates pull; auth and usage follow as well."""
        return [
            InternalRoute("/internal/feed", FeedPages(self.feed, self.signer), SERVICES),
            InternalRoute("/internal/gates/{gate_id}", GatePlace(self.propagation.remove), SERVICES),
        ]

    def measures(self) -> list[Measure]:
        """What is measured when metrics are asked for."""
        return [lag.of_log("keys", self.database, tables.metadata)]

    def start(self) -> None:
        """Each process that executes commands runs the relay, rung after a commit."""
        self.doorbell.start()

    def stop(self) -> None:
        self.doorbell.stop()


def documented_routes() -> list[Route]:
    """The public resources, to describe and not to serve."""
    nothing: Any = None
    return [
        *api.routes(nothing, nothing, nothing, nothing, nothing),
        *organisation_activity_resources.routes(nothing),
    ]


def assemble(
    database: Database,
    bus: Bus,
    clock: Clock,
    *,
    lease_seconds: float,
    gates_max: int = GATES_MAX_DEFAULT,
    signer: Signer | None = None,
    elsewhere: Elsewhere | None = None,
    networks: NetworkDirectory | None = None,
) -> Keys:
    """Migrates the database first. `gates_max`: of each account. `signer`: of answers to pulls, and of receipts.

    `elsewhere`: where heads of the log are sent, too. `networks`: who knows which networks there are.
    """
    migrate(database, MIGRATIONS)
    store = SqlEventStore(database, tables.metadata)
    envelopes = Envelopes("keys", types, publish, ignorable=IGNORABLE)
    relay = Relay(database, tables.metadata, store, envelopes, bus)
    doorbell = Doorbell(relay.run)
    restore_detection = RestoreDetection(database, clock, lease_seconds=lease_seconds)
    propagation = Propagation(
        database, store, restore_detection, clock, lease_seconds=lease_seconds, gates_max=gates_max
    )
    signers = PublishedSigners(database, tables.signing_key)
    clock_watch = ClockWatch("keys", database, tables.clock_reading, clock)
    watch = DivergenceWatch(database, tables.metadata, signers.verifier, clock)
    heads = None
    if signer is not None:
        signers.publish(signer, clock)
        heads = HeadSigner(signer, clock)
    follower_places = FollowerPlaces(database)
    receipts = Receipts(propagation, Evidence(store, signer, clock.now), clock)
    networks = networks or NoDirectory()
    commands = CommandHandler(database, store, doorbell, receipts, clock_watch.clock, networks)
    return Keys(
        clock=clock,
        database=database,
        store=store,
        relay=relay,
        doorbell=doorbell,
        restore_detection=restore_detection,
        propagation=propagation,
        commands=commands,
        queries=KeyQueries(database, clock),
        history=History(store),
        organisation_history=OrganisationHistory(store),
        as_of=AsOf(store),
        idempotency=Idempotency(database, tables.idempotency, clock_watch.clock),
        sweep=ExpirySweep(database, commands.keys, clock_watch.clock),
        clock_watch=clock_watch,
        feed=LogFeed(
            database, store, envelopes, propagation.acknowledge, GATES, heads, watch, follower_places, ACKNOWLEDGED
        ),
        acceptance=None if signer is None else Acceptance(database, store, watch, signer, doorbell.ring, clock),
        signer=signer,
        signers=signers,
        last_use=LastUse(database),
        sign_in=SignIn(database, clock_watch.clock),
        sent_heads=SentElsewhere("keys", lambda: signed_end(heads, store), elsewhere),
        follower_places=follower_places,
        networks=networks,
    )
