"""The usage service for messages: takes in metered requests, says what is counted and which keys were used."""

from typing import Any

import msgspec
import structlog
from nameko.rpc import rpc
from nameko.timer import timer

from services.usage.metering import Metering
from services.usage.statistics import Statistics
from shared import metrics
from shared.clock import Clock
from shared.contracts.usage import BatchesCounted, RequestMetered
from shared.messaging.entrypoints import Provided, follows, hears
from shared.messaging.following import Following
from shared.messaging.publishing import EventPublisher
from shared.relay import BusUnavailable

PULL_SECONDS = 1
KEY_USED_SECONDS = 2
_log = structlog.get_logger(__name__)


class UsageService:
    name = "usage"

    metering: Metering = Provided("usage.metering")
    statistics: Statistics = Provided("usage.statistics")
    publisher: EventPublisher = Provided("usage.publisher")
    keys: Following = Provided("usage.following_keys")
    clock: Clock = Provided("clock")

    @rpc
    def spent(self) -> Any:
        return msgspec.to_builtins(self.statistics.spent(self.clock.now()))

    @hears("usage", "auth", "RequestMetered")
    def request_metered(self, body: Any) -> None:
        """Never raises: a batch that is not answered with BatchesCounted is sent again by its gate."""
        try:
            batch = msgspec.convert(body, type=RequestMetered)
            self.metering.take_in(batch)
            counted = BatchesCounted(batches=((batch.segment, batch.start),))
            self.publisher.publish("BatchesCounted", msgspec.to_builtins(counted))
        except msgspec.ValidationError as error:
            metrics.batches_counted.labels("malformed").inc()
            _log.error("batch_malformed", detail=str(error))
        except Exception:
            _log.exception("batch_not_counted")

    @follows("usage", "keys")
    def key_changed(self, envelope: Any) -> None:
        self.keys.hear(envelope)

    @timer(interval=PULL_SECONDS, eager=True)
    def catch_up(self) -> None:
        self.keys.catch_up()

    @timer(interval=KEY_USED_SECONDS)
    def tell_used_keys(self) -> None:
        used = self.metering.take_recently_used()
        if used is None:
            return
        try:
            self.publisher.publish("KeyUsed", msgspec.to_builtins(used))
        except BusUnavailable as error:
            _log.warning("key_used_not_told", detail=str(error))
