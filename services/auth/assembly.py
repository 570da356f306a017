"""Composition of the auth service: builds its parts and connects them. Called by the composition roots only."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.auth import api, grants, tables
from services.auth.dead_secrets import dead_secret_store
from services.auth.grants import FOLLOWER, GrantBook
from services.auth.integrity.patrol import Patrol
from services.auth.tier_limits import TIERS
from shared.contracts.dead import DeadSecrets
from shared.contracts.seen import SeenKeys
from shared.gate.grants.replica import Replica
from shared.messaging.nameko_follower import Following
from shared.observability.at_scrape import Measure
from shared.replication import lag
from shared.replication.feed import Feed
from shared.replication.heads.head_keeper import AskHead, HeadKeeper
from shared.replication.proof.push_proof import PushProof
from shared.replication.proof.signatures import Signer, Verifier
from shared.replication.sql_follower import SqlFollower
from shared.replication.subscription import CaughtUp, Subscription
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.sql.migrations import migrate
from shared.values.accounts import SERVICES
from shared.web.internal.remembered import Anchors, InternalPages
from shared.web.internal_api import GrantsSnapshot
from shared.web.requests.client_address import TrustedProxies
from shared.web.route import InternalRoute, Route

SENSORS_WITNESS = "auth.sensors"
MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    database: Database
    book: GrantBook
    follower: SqlFollower
    subscription: Subscription
    following: Following
    signer: Signer | None
    patrol: Patrol
    sensors_heads: HeadKeeper

    def is_ready(self) -> bool:
        """Not while a damaged grant is known, which the worker makes again."""
        return self.database.answers() and self.patrol.is_sound()

    def rebuild(self) -> int:
        """Rebuilds the grants from the log of keys. Returns the log position reached. Raises FeedUnavailable.

        Gates go on meanwhile with the grants that they hold; one that starts waits until this is done.
        """
        self.follower.restart()
        return self.subscription.pull().head.position

    def provided(self) -> dict[str, object]:
        """The parts that the nameko service injects, by name."""
        return {
            "auth.book": self.book,
            "auth.following_keys": self.following,
            "auth.sensors_heads": self.sensors_heads,
        }

    def routes(self, _replica: Replica, proxies: TrustedProxies) -> list[Route]:
        """The public resources; `proxies`: who may ask about others' requests."""
        return api.routes(proxies)

    def internal_routes(self) -> list[InternalRoute]:
        """Gates of each service take snapshots; an audit of the log of keys or sensors asks what is remembered of it.
        Where that of keys was put back, keys asks what is dead, and which keys were seen.
        """
        return [
            InternalRoute("/internal/grants", GrantsSnapshot(self.book.snapshot_blocks, self.signer), SERVICES),
            InternalRoute("/internal/anchors", Anchors(self.follower.anchors), frozenset({"keys"})),
            InternalRoute("/internal/anchors/sensors", Anchors(self.sensors_heads.anchors), frozenset({"sensors"})),
            InternalRoute("/internal/dead", InternalPages(self.dead_secrets), frozenset({"keys"})),
            InternalRoute("/internal/seen", InternalPages(self.seen_keys), frozenset({"keys"})),
        ]

    def measures(self) -> list[Measure]:
        """What is measured when metrics are asked for."""
        return [lag.of_follower(self.database, tables.metadata)]

    def dead_secrets(self, after: str | None, limit: int) -> DeadSecrets:
        """A page of the secrets that were ended, whatever the log says now."""
        with self.database.reading(once=True) as tx:
            return dead_secret_store.page(tx, after, limit)

    def seen_keys(self, after: str | None, limit: int) -> SeenKeys:
        """A page of the keys that the log has told of, as long as it is not followed anew."""
        with self.database.reading(once=True) as tx:
            return grants.seen_page(tx, after, limit)

    def start(self) -> None:
        """It does nothing by itself."""

    def stop(self) -> None:
        """It does nothing by itself."""


def documented_routes() -> list[Route]:
    """The public resources, to describe and not to serve."""
    nothing: Any = None
    return api.routes(nothing)


class GrantsSubscription(Subscription):
    """At the log's head it settles what was followed anew."""

    def __init__(self, database: Database, feed: Feed, follower: SqlFollower, clock: Clock) -> None:
        super().__init__(feed, follower, clock, held=follower.held)
        self._database = database

    def pull(self) -> CaughtUp:
        caught_up = super().pull()
        grants.settle(self._database, caught_up.head)
        return caught_up


def follower_of_keys(database: Database, clock: Clock) -> SqlFollower:
    return SqlFollower(
        FOLLOWER, database, tables.metadata, grants.apply, grants.reset, clock, handle_all=grants.apply_all
    )


def assemble(
    database: Database,
    keys_feed: Feed,
    clock: Clock,
    *,
    keys_verifier: Verifier | None = None,
    signer: Signer | None = None,
    sensors_head: AskHead = lambda: None,
    sensors_verifier: Verifier | None = None,
) -> Auth:
    """Migrates the database first. `keys_verifier`: proves what the bus says of keys. `signer`: of snapshots.

    `sensors_head`: asks sensors where its log ends, which `sensors_verifier` proves.
    """
    migrate(database, MIGRATIONS)
    patrol = Patrol(database)
    follower = follower_of_keys(database, clock)
    subscription = GrantsSubscription(database, keys_feed, follower, clock)
    return Auth(
        database=database,
        book=GrantBook(database, TIERS),
        follower=follower,
        subscription=subscription,
        following=Following(subscription, follower, PushProof(keys_verifier, clock), patrol.goes_on),
        signer=signer,
        patrol=patrol,
        sensors_heads=HeadKeeper(
            SENSORS_WITNESS, database, tables.metadata.tables["kept_head"], sensors_head, sensors_verifier
        ),
    )
