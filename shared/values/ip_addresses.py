"""IP address and network parsing. An IPv4 address is the same address when IPv6 maps it (::ffff:192.0.2.7)."""

import ipaddress
from collections.abc import Collection

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def address(text: str) -> Address | None:
    """The address that the text names, an IPv6-mapped IPv4 address as IPv4; None: it names none."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def network(text: str) -> Network:
    """The network that the text names; a single address is a network of one. Raises ValueError."""
    found = ipaddress.ip_network(text)
    if isinstance(found, ipaddress.IPv6Network) and found.subnet_of(_MAPPED):
        return ipaddress.ip_network((int(found.network_address) & 0xFFFFFFFF, found.prefixlen - 96))
    return found


def is_within_any(text: str, networks: Collection[str]) -> bool:
    """Whether the networks hold the address; none hold all. One that cannot be parsed is outside every network."""
    if not networks:
        return True
    found = address(text)
    return found is not None and any(found in network(each) for each in networks)


def source(text: str) -> str:
    """What callers are counted by: the IPv4 address, or the IPv6 /64, since one caller usually has all of a /64."""
    found = address(text)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
    return text if found is None else str(found)
