"""Publisher: names our account in each message, and returns once RabbitMQ has confirmed it, or raises in time."""

import time
from collections.abc import Sequence
from typing import Any

import kombu
from amqp.exceptions import AMQPError, ChannelError, MessageNacked, RecoverableConnectionError
from kombu.exceptions import KombuError
from nameko.amqp.publish import UndeliverableMessage, get_producer
from nameko.constants import DEFAULT_TRANSPORT_OPTIONS, PERSISTENT

from shared.messaging.accounts.identity import signed_by

CONFIRM_SECONDS_MAX = 5.0
PUBLISHING_FAULTS = (AMQPError, KombuError, OSError, MessageNacked)


class AccountPublisher:
    """In place of nameko's Publisher, which waits for a confirm without end.

    RabbitMQ with its memory or disk nearly full takes connections, and reads nothing from those that publish.
    """

    transport_options = DEFAULT_TRANSPORT_OPTIONS

    def __init__(
        self,
        amqp_uri: str,
        *,
        exchange: kombu.Exchange | None = None,
        serializer: str = "json",
        seconds_max: float = CONFIRM_SECONDS_MAX,
        ssl: Any = None,
        login_method: str | None = None,
        **options: Any,
    ) -> None:
        """`exchange`: is declared, too. `seconds_max`: for a confirm. `options`: of each message, as kombu has them."""
        self._amqp_uri, self._seconds_max, self._connecting = amqp_uri, seconds_max, (ssl, login_method)
        self._declared: Sequence[kombu.Exchange] = [] if exchange is None else [exchange]
        bounds = {"timeout": seconds_max, "confirm_timeout": seconds_max}
        of_each = {"exchange": exchange, "serializer": serializer, "delivery_mode": PERSISTENT}
        self._options = of_each | bounds | signed_by(amqp_uri) | options

    def publish(self, payload: object, *, extra_headers: dict[str, Any] | None = None, **options: Any) -> None:
        """Raises UndeliverableMessage or one of PUBLISHING_FAULTS; TimeoutError: not confirmed, arrived perhaps."""
        until = time.monotonic() + self._seconds_max
        message = self._options | {"headers": extra_headers} | options
        try:
            self._publish(payload, message)
        except (RecoverableConnectionError, OSError) as error:
            if isinstance(error, TimeoutError) or time.monotonic() >= until:
                raise
            self._publish(payload, message)  # a kept connection may have broken long ago

    def _publish(self, payload: object, message: dict[str, Any]) -> None:
        options = dict(self.transport_options)
        with get_producer(self._amqp_uri, True, *self._connecting, options) as producer:
            try:
                producer.publish(payload, declare=list(self._declared), **message)
            except ChannelError as error:
                if "NO_ROUTE" in str(error):
                    raise UndeliverableMessage from error
                raise
            except BaseException:
                # Without closing frames, which wait for an answer, too; and a confirm that comes later would pass for
                # the next message's.
                producer.connection.collect()
                raise
