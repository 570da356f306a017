"""RPC client: one call to another service, from any thread, over its own connection. No answer is CallFailed."""

import socket
from typing import Any
from urllib.parse import urlsplit

from amqp.exceptions import AMQPError
from kombu.exceptions import KombuError
from nameko.exceptions import RemoteError, RpcTimeout, UnknownService

import shared.messaging.rpc.procedures  # noqa: F401  registers the errors with nameko
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.rpc.client import RpcClient

_OVER_TCP = ("amqp", "amqps", "pyamqp")  # the embedded transport has no address


class CallFailed(Exception):
    """No answer: the service or the broker is away, or the call took too long."""


def call(
    amqp_uri: str,
    service: str,
    method: str,
    *arguments: Any,
    seconds_max: float,
    accounts: Accounts = ALL_BELIEVED,
) -> Any:
    """Calls with plain JSON values, returns one. Raises CallFailed, or the ServiceError that the service answered."""
    try:
        require_answer_of(amqp_uri, seconds_max)
        with RpcClient(amqp_uri, timeout=seconds_max, accounts=accounts) as cluster:
            return getattr(cluster[service], method)(*arguments)
    except (RpcTimeout, UnknownService, RemoteError, AMQPError, KombuError, OSError, RuntimeError) as error:
        raise CallFailed(f"{service}.{method}: {type(error).__name__}") from error


def require_answer_of(amqp_uri: str, seconds_max: float) -> None:
    """Raises OSError if the broker is unreachable. nameko would retry after two seconds, too late for a lease."""
    address = urlsplit(amqp_uri)
    if address.scheme not in _OVER_TCP:
        return
    port = address.port or (5671 if address.scheme == "amqps" else 5672)
    socket.create_connection((address.hostname or "localhost", port), timeout=seconds_max).close()
