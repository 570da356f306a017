"""IP address and network parsing. An IPv4 address is the same address when IPv6 maps it (::ffff:192.0.2.7)."""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def address(text: str) -> Address | None:
    """None: no address."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def network(text: str) -> Network:
    """An address is the network of it alone. Raises ValueError."""
    found = ipaddress.ip_network(text)
    if isinstance(found, ipaddress.IPv6Network) and found.subnet_of(_MAPPED):
        return ipaddress.ip_network((int(found.network_address) & 0xFFFFFFFF, found.prefixlen - 96))
    return found


def source(text: str) -> str:
    """Whom an address stands for when callers are counted: IPv6 by /64, which one caller has whole."""
    found = address(text)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
    return text if found is None else str(found)
