"""Wait for the message broker at a service's start."""

import kombu
from amqp.exceptions import AMQPError
from kombu.exceptions import KombuError

from shared.runtime.wait_for_servers import await_server

_CONNECT_SECONDS_MAX = 5.0


def await_broker(amqp_uri: str) -> None:
    """Returns once the broker takes connections. Raises ServerUnreachable."""

    def connect() -> None:
        with kombu.Connection(amqp_uri, connect_timeout=_CONNECT_SECONDS_MAX) as connection:
            connection.connect()

    await_server("AMQP_URI", amqp_uri, connect, (AMQPError, KombuError, OSError))
