"""Usage, as it runs apart."""

from services.auth.tier_limits import TIERS
from services.distributed.feed_of_keys import keys_feed
from services.service_registry import Part
from services.usage import assembly
from services.usage.known_keys.keys_client import KeysClient
from services.usage.notifications.settings import read_delivery_settings
from services.usage.retention.retention import RetentionTimes
from shared.messaging.publishing import EventPublisher
from shared.runtime.clock import Clock
from shared.settings import Settings
from shared.sql.database import Database


def assemble(settings: Settings, clock: Clock) -> Part:
    return assembly.assemble(
        Database(settings.database_url),
        keys_feed(settings, clock),
        KeysClient(settings.amqp_uri, settings.accounts),
        EventPublisher(settings.amqp_uri, "usage"),
        clock,
        policy=TIERS,
        delivery=read_delivery_settings(),
        kept=RetentionTimes(
            raw_days=settings.usage_raw_days,
            counter_days=settings.usage_counter_days,
            alert_days=settings.usage_alert_days,
        ),
        keys_verifier=settings.proof_keys.keys_verifier,
    )
