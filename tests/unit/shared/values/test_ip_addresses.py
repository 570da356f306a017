"""Addresses and networks as texts: one that is IPv4 mapped into IPv6 is that of IPv4."""

from shared.values.ip_addresses import address, network


def test_a_mapped_ipv4_address_or_network_is_ipv4() -> None:
    assert address("::ffff:192.0.2.7") == address("192.0.2.7")
    assert network("::ffff:192.0.2.0/120") == network("192.0.2.0/24")
    assert network("::ffff:192.0.2.7") == network("192.0.2.7")
    assert str(network("2001:db8::/32")) == "2001:db8::/32"
