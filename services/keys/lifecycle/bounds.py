"""Bounds of a key that makes others: a key mints no more than itself. Pure.

What a key has of its own (expiry, limits, addresses) bounds each key that it makes, renews or widens: else whoever
holds its secret could make a key that outlives it. `allow_query` bounds nothing: how a key is sent is no power.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.keys.lifecycle.key import Access
from shared.values import ip_addresses


class BeyondOwnBounds(Exception):
    """A key would make, renew or widen one that lasts longer or may more. `bound`: the setting of Access it is by."""

    def __init__(self, bound: str) -> None:
        self.bound = bound
        super().__init__(bound)


@dataclass(frozen=True, slots=True)
class Bound:
    """`name`: a setting of Access. `holds`: the first one's setting gives no more than the second one's."""

    name: str
    holds: Callable[[Access, Access], bool]


def exceeded(maker: Access, before: Access | None, after: Access) -> str | None:
    """The first bound of `maker` beyond which a change leaves a key; None: it is within them.

    `before` None: the key or its secret is new, so that all of it counts. Otherwise only what is wider than before.
    """
    for bound in BOUNDS:
        is_kept = before is not None and bound.holds(after, before)
        if not is_kept and not bound.holds(after, maker):
            return bound.name
    return None


def _ends_no_later(inner: datetime | None, outer: datetime | None) -> bool:
    return outer is None or (inner is not None and inner <= outer)


def _allows_no_more(inner: int | None, outer: int | None) -> bool:
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


def _networks(texts: tuple[str, ...]) -> list[ip_addresses.Network]:
    return list(map(ip_addresses.network, texts))


def _is_within(inner: ip_addresses.Network, outer: ip_addresses.Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # of one version


BOUNDS = (
    Bound("expires_at", lambda inner, outer: _ends_no_later(inner.expires_at, outer.expires_at)),
    Bound("minute_limit", lambda inner, outer: _allows_no_more(inner.minute_limit, outer.minute_limit)),
    Bound("day_limit", lambda inner, outer: _allows_no_more(inner.day_limit, outer.day_limit)),
    Bound("allowed_addresses", lambda inner, outer: _lie_within(inner.allowed_addresses, outer.allowed_addresses)),
)
