"""SSRF guard: connections to hosts that customers name reach public addresses only, checked where they connect.

A name is resolved once for each connection, every address it has must be allowed, and TLS is for the name. So neither a
name that resolves into our own network, nor one that changes between check and use (DNS rebinding), reaches anything
there. One deadline bounds the whole exchange, however slowly its bytes drip.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore

from shared.values import ip_addresses as addresses
from shared.values.ip_addresses import Address, Network

Resolve = Callable[[str, int], Sequence[str]]
# Not public by the IANA special-purpose registries, whatever `is_global` of this Python version says.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/23",
        "2002::/16",
        "fec0::/10",
        "ff00::/8",
    )
)

NO_TLS, NOT_PUBLIC = "must begin with https://", "is not on the public internet"


class AddressForbidden(Exception):
    """The host has an address that may not be connected to. The text names the host only: its address would leak."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is not on the public internet")


class DeadlinePassed(Exception):
    """The exchange took longer than its deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPolicy:
    """`allowed`: networks that may be reached although they are not public. `allow_http`: plain http is allowed."""

    allowed: tuple[Network, ...] = ()
    allow_http: bool = False

    def allows(self, address: Address) -> bool:
        if any(address in network for network in self.allowed):
            return True
        return is_public(address)


def is_public(address: Address) -> bool:
    """Whether the address is on the public internet, as unicast."""
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _NEVER)
    )


def forbidden_target(url: str, policy: EgressPolicy) -> str | None:
    """Why a URL is refused, judged without resolving names; None: accepted. Connections are checked again each time."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not policy.allow_http:
        return NO_TLS
    address = addresses.address(parts.hostname or "")
    if address is not None and not policy.allows(address):
        return NOT_PUBLIC
    return None


def system_resolve(host: str, port: int) -> tuple[str, ...]:
    """The addresses of a host, without repetition. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedBackend(httpcore.NetworkBackend):
    """Network backend of httpcore for one exchange, which connects to allowed addresses only.

    `deadline`: by time.monotonic().
    """

    def __init__(self, policy: EgressPolicy, resolve: Resolve, deadline: float) -> None:
        self._policy, self._resolve, self._deadline = policy, resolve, deadline
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Raises AddressForbidden, DeadlinePassed, httpcore.ConnectError and httpcore.ConnectTimeout."""
        failed: Exception = httpcore.ConnectError("no address")
        for address in self._checked(host, port):
            try:
                stream = self._backend.connect_tcp(address, port, timeout=left(self._deadline))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return _DeadlinedStream(stream, self._deadline)
        raise failed

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        raise AddressForbidden(path)

    def _checked(self, host: str, port: int) -> list[str]:
        try:
            found = [addresses.address(text.partition("%")[0]) for text in self._resolve(host, port)]
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} does not resolve") from error
        known = [address for address in found if address is not None]
        if len(known) != len(found) or not all(map(self._policy.allows, known)):
            raise AddressForbidden(host)
        return [str(address) for address in known]


class _DeadlinedStream(httpcore.NetworkStream):
    """A stream whose every operation ends at the deadline, whatever timeout it is given."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, left(self._deadline))
        return _DeadlinedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def left(deadline: float) -> float:
    """Seconds left, more than 0. Raises DeadlinePassed."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise DeadlinePassed
    return seconds
