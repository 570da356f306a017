"""Bounds of a key that makes others: a key mints no more than itself. Pure.

What a key has of its own (expiry, limits, addresses, networks) bounds each key that it makes, renews or widens: else
who holds its secret could make a key that outlives it. `allow_query` bounds nothing: how a key is sent is no power.
"""

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from services.keys.lifecycle.key import Access
from shared.values import ip_addresses


class BeyondOwnBounds(Exception):
    """A key would make, renew or widen one that lasts longer or may more. `bound`: the setting of Access it is by."""

    def __init__(self, bound: str) -> None:
        self.bound = bound
        super().__init__(bound)


def exceeded(maker: Access, before: Access | None, after: Access) -> str | None:
    """The first bound of `maker` beyond which a change leaves a key; None: it is within them.

    `before` None: the key or its secret is new, so that all of it counts. Otherwise only what is wider than before.
    """
    for name, holds in BOUNDS.items():
        wanted = getattr(after, name)
        is_kept = before is not None and holds(wanted, getattr(before, name))
        if not is_kept and not holds(wanted, getattr(maker, name)):
            return name
    return None


def _is_at_most(inner: Any, outer: Any) -> bool:
    """None stands for no end, or no limit."""
    return outer is None or (inner is not None and inner <= outer)


def _lie_within(inner: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    """No addresses stands for all. Networks side by side count as the one that they make together."""
    if not outer:
        return True
    networks = _networks(outer)
    allowed: list[ip_addresses.Network] = [
        *ipaddress.collapse_addresses(each for each in networks if isinstance(each, ipaddress.IPv4Network)),
        *ipaddress.collapse_addresses(each for each in networks if isinstance(each, ipaddress.IPv6Network)),
    ]
    return bool(inner) and all(any(_is_within(each, network) for network in allowed) for each in _networks(inner))


def _are_among(inner: tuple[str, ...] | None, outer: tuple[str, ...] | None) -> bool:
    """None stands for all."""
    return outer is None or (inner is not None and set(inner) <= set(outer))


def _networks(texts: tuple[str, ...]) -> list[ip_addresses.Network]:
    return list(map(ip_addresses.network, texts))


def _is_within(inner: ip_addresses.Network, outer: ip_addresses.Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # of one version


# Setting of Access → whether its first value gives no more than its second.
BOUNDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "expires_at": _is_at_most,
    "minute_limit": _is_at_most,
    "day_limit": _is_at_most,
    "allowed_addresses": _lie_within,
    "networks": _are_among,
}
