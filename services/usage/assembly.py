"""Puts the usage service together from its parts. Called by the composition roots only."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.usage import api, known_keys, tables
from services.usage.activity import Activity
from services.usage.alert import Alerts
from services.usage.alerting import api as alerting_api
from services.usage.alerting.announcing import Announcing
from services.usage.alerting.evaluator import Evaluator
from services.usage.alerting.labels import Labels
from services.usage.alerting.rules import Rules
from services.usage.alerting.watch import Watch
from services.usage.delivering import api as delivering_api
from services.usage.delivering.channels import Channels
from services.usage.delivering.courier import Courier, Senders
from services.usage.delivering.deliveries import Deliveries
from services.usage.delivering.mail import MailSender
from services.usage.delivering.record import DeliveryRecord
from services.usage.delivering.sealing import Sealing
from services.usage.delivering.settings import DeliverySettings
from services.usage.delivering.webhook import WebhookSender
from services.usage.intake import BATCHES_MAX, Intake
from services.usage.keys_client import KeysClient
from services.usage.known_keys import FOLLOWER, ExistingKeys, KnownKeys
from services.usage.metering import Metering
from services.usage.parked_batches import ParkedBatches
from services.usage.retention import KEPT_DEFAULT, Kept, Retention
from services.usage.rollup import Rollup
from services.usage.statistics import Statistics
from shared.clock import Clock
from shared.database import Database
from shared.feed import Feed
from shared.follower import SqlFollower
from shared.gate.grant import Limits
from shared.gate.grants import Grants
from shared.messaging.following import Following
from shared.messaging.publishing import EventPublisher
from shared.migrations import migrate
from shared.subscription import Subscription
from shared.web.internal import Checkpoint
from shared.web.route import Route

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    clock: Clock
    database: Database
    metering: Metering
    parked_batches: ParkedBatches
    intake: Intake
    rollup: Rollup
    retention: Retention
    statistics: Statistics
    activity: Activity
    alerts: Alerts
    rules: Rules
    evaluator: Evaluator
    channels: Channels
    delivery_record: DeliveryRecord
    courier: Courier
    sealing: Sealing
    delivery_settings: DeliverySettings
    watch: Watch
    keys_client: KeysClient
    known_keys: KnownKeys
    follower: SqlFollower
    subscription: Subscription
    following: Following
    publisher: EventPublisher

    def provided(self) -> dict[str, object]:
        """What the nameko service asks for."""
        return {
            "usage.intake": self.intake,
            "usage.recent_uses": self.metering.recent_uses,
            "usage.rollup": self.rollup,
            "usage.retention": self.retention,
            "usage.statistics": self.statistics,
            "usage.activity": self.activity,
            "usage.alerts": self.alerts,
            "usage.watch": self.watch,
            "usage.known_keys": self.known_keys,
            "usage.keys_client": self.keys_client,
            "usage.publisher": self.publisher,
            "usage.following_keys": self.following,
        }

    def routes(self, grants: Grants) -> list[Route]:
        """The public resources; `grants` is the web process's replica."""
        settings, existing_keys = self.delivery_settings, ExistingKeys(self.known_keys, grants)
        return [
            *api.routes(self.statistics, self.activity, existing_keys, grants, self.clock),
            *alerting_api.routes(self.rules, self.alerts, self.channels, existing_keys, self.clock),
            *delivering_api.routes(self.channels, self.delivery_record, self.sealing, settings, self.clock),
        ]

    def internal_routes(self) -> list[Route]:
        return [Route("/internal/checkpoint", Checkpoint(FOLLOWER, self.follower.checkpoint))]


def follower_of_keys(database: Database, clock: Clock) -> SqlFollower:
    return SqlFollower(
        FOLLOWER,
        database,
        tables.metadata,
        known_keys.apply,
        known_keys.reset,
        clock,
        handle_all=known_keys.apply_all,
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
    kept: Kept = KEPT_DEFAULT,
) -> Usage:
    """Migrates the database first. `policy`: tier → limits."""
    migrate(database, MIGRATIONS)
    channels, deliveries, sealing = Channels(database), Deliveries(database), Sealing(delivery.secrets_keys)
    senders = Senders(
        webhook=WebhookSender(delivery.outgoing), mail=None if delivery.mail is None else MailSender(delivery.mail)
    )
    courier = Courier(deliveries, channels, sealing, senders, clock)
    evaluator = Evaluator(database, policy, Labels(keys_client, clock).carries, clock)
    follower = follower_of_keys(database, clock)
    subscription = Subscription(keys_feed, follower, clock)
    metering, parked = Metering(database), ParkedBatches(database)
    # A file's writer shares its thread with all services: there each batch is a transaction of its own.
    batches_max = 1 if database.is_sqlite else BATCHES_MAX
    return Usage(
        clock=clock,
        database=database,
        metering=metering,
        parked_batches=parked,
        intake=Intake(metering, parked, publisher, clock, batches_max=batches_max),
        rollup=Rollup(database, clock),
        retention=Retention(database, clock, kept),
        statistics=Statistics(database),
        activity=Activity(database, keys_client),
        alerts=Alerts(database),
        rules=Rules(database, clock),
        evaluator=evaluator,
        channels=channels,
        delivery_record=DeliveryRecord(database),
        courier=courier,
        sealing=sealing,
        delivery_settings=delivery,
        watch=Watch(evaluator, Announcing(database, publisher), courier, deliveries, clock),
        keys_client=keys_client,
        known_keys=KnownKeys(database),
        follower=follower,
        subscription=subscription,
        following=Following(subscription, follower),
        publisher=publisher,
    )
