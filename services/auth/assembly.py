"""Composition of the auth service: builds its parts and connects them. Called by the composition roots only."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.auth import api, grants, tables
from services.auth.grants import FOLLOWER, GrantBook
from services.auth.tier_limits import TIERS
from shared.gate.grants.grants import Grants
from shared.messaging.nameko_follower import Following
from shared.observability.at_scrape import Measure
from shared.replication import lag
from shared.replication.feed import Feed
from shared.replication.proof.push_proof import PushProof
from shared.replication.proof.signatures import Signer, Verifier
from shared.replication.sql_follower import SqlFollower
from shared.replication.subscription import Subscription
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.sql.migrations import migrate
from shared.values.accounts import SERVICES
from shared.web.internal_api import Anchors, GrantsSnapshot
from shared.web.requests.client_address import TrustedProxies
from shared.web.route import InternalRoute, Route

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    database: Database
    book: GrantBook
    follower: SqlFollower
    subscription: Subscription
    following: Following
    signer: Signer | None

    def rebuild(self) -> int:
        """Rebuilds the grants from the log of keys. Returns the log position reached. Raises FeedUnavailable.

        Gates go on meanwhile: each snapshot says which log position it is of.
        """
        self.follower.restart()
        return self.subscription.pull().head.position

    def provided(self) -> dict[str, object]:
        """The parts that the nameko service injects, by name."""
        return {"auth.book": self.book, "auth.following_keys": self.following}

    def routes(self, _grants: Grants, proxies: TrustedProxies) -> list[Route]:
        """The public resources; `proxies`: who may ask about others' requests."""
        return api.routes(proxies)

    def internal_routes(self) -> list[InternalRoute]:
        """Each service's gates take snapshots; an audit of the log of keys asks what is remembered of it."""
        return [
            InternalRoute("/internal/grants", GrantsSnapshot(self.book.snapshot_blocks, self.signer), SERVICES),
            InternalRoute("/internal/anchors", Anchors(self.follower.anchors), frozenset({"keys"})),
        ]

    def measures(self) -> list[Measure]:
        """What is measured when metrics are asked for."""
        return [lag.of_follower(self.database, tables.metadata)]

    def start(self) -> None:
        """It does nothing by itself."""

    def stop(self) -> None:
        """It does nothing by itself."""


def documented_routes() -> list[Route]:
    """The public resources, to describe and not to serve."""
    nothing: Any = None
    return api.routes(nothing)


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
) -> Auth:
    """Migrates the database first. `keys_verifier`: proves what the bus says of keys. `signer`: of snapshots."""
    migrate(database, MIGRATIONS)
    follower = follower_of_keys(database, clock)
    subscription = Subscription(keys_feed, follower, clock)
    return Auth(
        database=database,
        book=GrantBook(database, TIERS),
        follower=follower,
        subscription=subscription,
        following=Following(subscription, follower, PushProof(keys_verifier, clock)),
        signer=signer,
    )
