"""Identity on the broker: the account in an AMQP URI, named in each message, where RabbitMQ checks it (`user_id`)."""

from kombu.utils.url import url_to_parts


def account_of(amqp_uri: str) -> str | None:
    """The account. None where the transport has none: embedded, all messages are of one process."""
    account: str | None = url_to_parts(amqp_uri).username
    return account or None


def signed_by(amqp_uri: str) -> dict[str, str]:
    """The message property that names the account: RabbitMQ refuses a message that names another."""
    account = account_of(amqp_uri)
    return {"user_id": account} if account else {}
