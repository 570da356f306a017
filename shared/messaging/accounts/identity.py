"""Identity on the broker: the account in an AMQP URI, named in each message, where RabbitMQ checks it (`user_id`)."""

from typing import Any

from kombu.exceptions import KombuError
from kombu.utils.url import url_to_parts
from nameko.amqp.publish import Publisher, get_producer

CONFIRM_SECONDS_MAX = 5.0


def account_of(amqp_uri: str) -> str | None:
    """The account. None where the transport has none: embedded, all messages are of one process."""
    account: str | None = url_to_parts(amqp_uri).username
    return account or None


def signed_by(amqp_uri: str) -> dict[str, str]:
    """The message property that names the account: RabbitMQ refuses a message that names another."""
    account = account_of(amqp_uri)
    return {"user_id": account} if account else {}


class AccountPublisher(Publisher):
    """nameko's publisher; each message names the account, and is confirmed in time or not published.

    A broker whose disk or memory is nearly full takes connections and reads nothing from them: without a bound whoever
    publishes would wait for as long as that lasts.
    """

    retry_policy = {"max_retries": 1}  # a kept connection may have broken long ago  # noqa: RUF012  nameko's own type

    def __init__(self, amqp_uri: str, **options: Any) -> None:
        bounds = {"timeout": CONFIRM_SECONDS_MAX, "confirm_timeout": CONFIRM_SECONDS_MAX}
        super().__init__(amqp_uri, **signed_by(amqp_uri), **bounds, **options)

    def publish(self, payload: object, **options: Any) -> None:
        """Raises UndeliverableMessage, and as kombu does: a timeout is OperationalError."""
        try:
            super().publish(payload, **options)
        except (KombuError, OSError):
            # Its connection ends: a confirm that comes later would pass for the next message's.
            transport = self.ssl, self.login_method, self.transport_options
            with get_producer(self.amqp_uri, self.use_confirms, *transport) as producer:
                producer.connection.collect()
            raise
