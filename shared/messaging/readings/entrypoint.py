"""nameko entrypoint of readings: `receives` gives a method all that has come, in order, one batch at a time.

A batch is acknowledged when the method has returned. If it raises, the batch is kept, unacknowledged, and given to it
again after a growing delay: nothing is lost or dropped while a database is away. What dies with the process is
delivered again. A message from an account that may not send for its network is counted, dropped, and not shown to
the method.
"""

from collections.abc import Sequence
from typing import Any

import structlog

from shared.messaging.accounts.admission import Refused, account_in, refuse
from shared.messaging.accounts.rules import Accounts
from shared.messaging.consuming.batches import Batching
from shared.messaging.entrypoints import accounts_of
from shared.messaging.readings.exchange import readings_queue
from shared.messaging.readings.reading import Reading

BATCH_MAX = 300
"""Messages; as many more may wait in this process."""

_AGAIN_SECONDS, _AGAIN_SECONDS_MAX = 0.5, 10.0
_SECONDS_MAX = 1e11
_log = structlog.get_logger(__name__)


class _Receiving(Batching):
    batch_max, prefetch_max = BATCH_MAX, 2 * BATCH_MAX

    def __init__(self, service: str, **options: Any) -> None:
        super().__init__(readings_queue(service), **options)

    def read(self, message: Any) -> tuple[Reading, ...]:
        reading = _reading(message, accounts_of(self.container))
        if reading is not None:
            return (reading,)
        self.queue_consumer.ack_message(message)
        return ()

    def failed(self, batch: Sequence[Any]) -> float:
        for message in batch:
            message.delivery_info["redelivered"] = True  # some of them may be durable
        self.put_back(batch)
        _log.warning("readings_put_off", messages=len(batch), failures=self.failures)
        return min(_AGAIN_SECONDS * self.failures, _AGAIN_SECONDS_MAX)


receives = _Receiving.decorator


def _reading(message: Any, accounts: Accounts) -> Reading | None:
    """None: its account may not send it."""
    account, network_id = account_in(message), message.delivery_info["routing_key"]
    if not accounts.may_send_readings(account, network_id):
        refuse(Refused.READING if account else Refused.NO_ACCOUNT, account, "readings of a network")
        return None
    body = message.body
    return Reading(
        account=account if accounts.demanded else None,
        network_id=network_id,
        body=body.encode() if isinstance(body, str) else bytes(body),
        sent_ns=_sent_ns(message),
        is_redelivered=bool(message.delivery_info.get("redelivered")),
    )


def _sent_ns(message: Any) -> int | None:
    """Of the AMQP property `timestamp`, whole seconds."""
    sent = message.properties.get("timestamp")
    is_time = isinstance(sent, int | float) and not isinstance(sent, bool) and 0 < sent < _SECONDS_MAX
    return round(sent * 1_000_000_000) if is_time else None
