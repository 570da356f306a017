"""Identity on the broker: the account in an AMQP URI, named in each message, where RabbitMQ checks it (`user_id`)."""

from typing import Any

from kombu.utils.url import url_to_parts
from nameko.amqp.publish import Publisher


def account_of(amqp_uri: str) -> str | None:
    """The account. None where the transport has none: embedded, all messages are of one process."""
    account: str | None = url_to_parts(amqp_uri).username
    return account or None


def signed_by(amqp_uri: str) -> dict[str, str]:
    """The message property that names the account: RabbitMQ refuses a message that names another."""
    account = account_of(amqp_uri)
    return {"user_id": account} if account else {}


class AccountPublisher(Publisher):
    """nameko's publisher; each message names the account."""

    def __init__(self, amqp_uri: str, **options: Any) -> None:
        super().__init__(amqp_uri, **signed_by(amqp_uri), **options)
