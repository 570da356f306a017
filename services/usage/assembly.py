"""Composition of the usage service: builds its parts and wires them. Called by the composition roots only."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.usage import api, key_events, tables
from services.usage.activity.timeline import ActivityTimeline
from services.usage.alerting import api as alerting_api
from services.usage.alerting.alerts.alert import AlertStore
from services.usage.alerting.alerts.event_outbox import EventOutbox
from services.usage.alerting.evaluation.evaluator import Evaluator
from services.usage.alerting.evaluation.label_lookup import LabelLookup
from services.usage.alerting.rules.rule_store import RuleStore, rules_naming
from services.usage.alerting.scheduler import AlertingScheduler
from services.usage.counters.last_day import LastDays
from services.usage.counters.rollup import Rollup
from services.usage.counters.statistics import Statistics
from services.usage.heaviest import heaviest
from services.usage.intake.batch_intake import BATCHES_MAX, BatchIntake
from services.usage.intake.metering import Metering
from services.usage.intake.parked_batches import ParkedBatches
from services.usage.key_events import FOLLOWER
from services.usage.known_keys.directory import ExistingKeys, KnownKeys
from services.usage.known_keys.keys_client import KeysClient
from services.usage.notifications import api as notifications_api
from services.usage.notifications.channels.channel_store import ChannelStore
from services.usage.notifications.channels.secret_encryption import SecretEncryption
from services.usage.notifications.deliveries.delivery_store import DeliveryStore
from services.usage.notifications.deliveries.delivery_views import DeliveryViews
from services.usage.notifications.deliveries.dispatcher import Dispatcher, Senders
from services.usage.notifications.export_notices import ExportNotices
from services.usage.notifications.senders.email_sender import EmailSender
from services.usage.notifications.senders.webhook_sender import WebhookSender
from services.usage.notifications.settings import DeliverySettings
from services.usage.retention import erasure
from services.usage.retention.retention import KEPT_DEFAULT, Retention, RetentionTimes
from shared.contracts.dead import DeletedKeys
from shared.gate.grants.grant import Limits
from shared.gate.grants.replica import Replica
from shared.messaging.nameko_follower import Following
from shared.messaging.publishing import EventPublisher
from shared.observability.at_scrape import Measure
from shared.replication import lag
from shared.replication.feed import Feed
from shared.replication.proof.push_proof import PushProof
from shared.replication.proof.signatures import Verifier
from shared.replication.sql_follower import SqlFollower
from shared.replication.subscription import Subscription
from shared.runtime.clock import Clock
from shared.sql.clocks.clock_watch import ClockWatch
from shared.sql.database import Database
from shared.sql.migrations import migrate
from shared.web.conditions.idempotency import Idempotency
from shared.web.internal.remembered import Anchors, InternalPages
from shared.web.requests.client_address import TrustedProxies
from shared.web.route import InternalRoute, Route
from shared.web.still_admitted import StillAdmitted

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    clock: Clock
    database: Database
    policy: Mapping[str, Limits]
    metering: Metering
    parked_batches: ParkedBatches
    intake: BatchIntake
    rollup: Rollup
    retention: Retention
    clock_watch: ClockWatch
    statistics: Statistics
    activity: ActivityTimeline
    alerts: AlertStore
    rules: RuleStore
    evaluator: Evaluator
    channels: ChannelStore
    delivery_views: DeliveryViews
    dispatcher: Dispatcher
    encryption: SecretEncryption
    delivery_settings: DeliverySettings
    alerting_scheduler: AlertingScheduler
    keys_client: KeysClient
    known_keys: KnownKeys
    follower: SqlFollower
    subscription: Subscription
    following: Following
    publisher: EventPublisher

    def is_ready(self) -> bool:
        return self.database.answers()

    def provided(self) -> dict[str, object]:
        """What the nameko service asks for."""
        return {
            "usage.intake": self.intake,
            "usage.recent_uses": self.metering.recent_uses,
            "usage.rollup": self.rollup,
            "usage.retention": self.retention,
            "usage.clock_watch": self.clock_watch,
            "usage.statistics": self.statistics,
            "usage.last_days": LastDays(self.database),
            "usage.activity": self.activity,
            "usage.alerts": self.alerts,
            "usage.channels": self.channels,
            "usage.export_notices": ExportNotices(self.database, self.clock),
            "usage.alerting_scheduler": self.alerting_scheduler,
            "usage.known_keys": self.known_keys,
            "usage.keys_client": self.keys_client,
            "usage.publisher": self.publisher,
            "usage.following_keys": self.following,
        }

    def routes(self, replica: Replica, _proxies: TrustedProxies) -> list[Route]:
        """The public resources; `replica` is the web process's."""
        grants = replica.grants
        settings, existing_keys = self.delivery_settings, ExistingKeys(self.known_keys, grants)
        still, clock = StillAdmitted(replica), self.clock_watch.clock
        routes = [
            *api.routes(
                self.statistics,
                self.activity,
                existing_keys,
                grants,
                clock,
            ),
            *alerting_api.routes(self.rules, self.alerts, self.channels, existing_keys, clock, still),
            *notifications_api.routes(
                self.channels, rules_naming, self.delivery_views, self.encryption, settings, clock, still
            ),
        ]
        return Idempotency(self.database, tables.idempotency, clock).serves(routes)

    def internal_routes(self) -> list[InternalRoute]:
        """An audit of the log of keys asks what is remembered; where it was put back, keys asks which are deleted
        and which were seen.
        """
        return [
            InternalRoute("/internal/anchors", Anchors(self.follower.anchors), frozenset({"keys"})),
            InternalRoute("/internal/dead", InternalPages(self.deleted_keys), frozenset({"keys"})),
            InternalRoute("/internal/seen", InternalPages(self.known_keys.seen), frozenset({"keys"})),
        ]

    def deleted_keys(self, after: str | None, limit: int) -> DeletedKeys:
        """A page of the keys that were deleted, whatever the log says now."""
        with self.database.reading(once=True) as tx:
            return erasure.deleted_page(tx, after, limit)

    def measures(self) -> list[Measure]:
        """What is measured when metrics are asked for."""
        return [lag.of_follower(self.database, tables.metadata), heaviest(self.database, self.policy, self.clock)]

    def start(self) -> None:
        """Timers start what it does."""

    def stop(self) -> None:
        self.dispatcher.stop()


def documented_routes() -> list[Route]:
    """The public resources, to describe and not to serve."""
    nothing: Any = None
    return [
        *api.routes(nothing, nothing, nothing, nothing, nothing),
        *alerting_api.routes(nothing, nothing, nothing, nothing, nothing, nothing),
        *notifications_api.routes(nothing, nothing, nothing, nothing, nothing, nothing, nothing),
    ]


def follower_of_keys(database: Database, clock: Clock) -> SqlFollower:
    return SqlFollower(
        FOLLOWER,
        database,
        tables.metadata,
        key_events.apply,
        key_events.reset,
        clock,
        handle_all=key_events.apply_all,
    )


def assemble(
    database: Database,
    keys_feed: Feed,
    keys_client: KeysClient,
    publisher: EventPublisher,
    clock: Clock,
    *,
    policy: Mapping[str, Limits],
    delivery: DeliverySettings,
    kept: RetentionTimes = KEPT_DEFAULT,
    keys_verifier: Verifier | None = None,
) -> Usage:
    """Migrates the database first. `policy`: tier → limits. `keys_verifier`: proves what the bus says of keys."""
    migrate(database, MIGRATIONS)
    clock_watch = ClockWatch("usage", database, tables.clock_reading, clock)
    channels, deliveries, encryption = (
        ChannelStore(database),
        DeliveryStore(database),
        SecretEncryption(delivery.secrets_keys),
    )
    senders = Senders(
        webhook=WebhookSender(delivery.outgoing), mail=None if delivery.mail is None else EmailSender(delivery.mail)
    )
    dispatcher = Dispatcher(deliveries, channels, encryption, senders, clock)
    evaluator = Evaluator(database, policy, LabelLookup(keys_client, clock).carries, clock_watch.clock)
    follower = follower_of_keys(database, clock)
    subscription = Subscription(keys_feed, follower, clock, held=follower.held)
    metering, parked = Metering(database), ParkedBatches(database)
    # A file's writer shares its thread with all services: there each batch is a transaction of its own.
    batches_max = 1 if database.is_sqlite else BATCHES_MAX
    return Usage(
        clock=clock,
        database=database,
        policy=policy,
        metering=metering,
        parked_batches=parked,
        intake=BatchIntake(metering, parked, publisher, clock, batches_max=batches_max),
        rollup=Rollup(database, clock_watch.clock),
        retention=Retention(database, clock_watch.clock, kept),
        clock_watch=clock_watch,
        statistics=Statistics(database),
        activity=ActivityTimeline(database, keys_client),
        alerts=AlertStore(database),
        rules=RuleStore(database, clock),
        evaluator=evaluator,
        channels=channels,
        delivery_views=DeliveryViews(database),
        dispatcher=dispatcher,
        encryption=encryption,
        delivery_settings=delivery,
        alerting_scheduler=AlertingScheduler(
            evaluator,
            EventOutbox(database, publisher),
            dispatcher,
            deliveries,
            clock_watch.clock,
            lambda: metering.transactions,
        ),
        keys_client=keys_client,
        known_keys=KnownKeys(database),
        follower=follower,
        subscription=subscription,
        following=Following(subscription, follower, PushProof(keys_verifier, clock)),
        publisher=publisher,
    )
