"""Whose address a request counts as, whatever its sender writes."""

import pytest

from shared.values.ip_addresses import network
from shared.web.requests.client_address import TrustedProxies

PROXIES = TrustedProxies([network("10.0.0.0/8"), network("2001:db8::/64")])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "caller"),
    [
        ("198.51.100.1", "", "198.51.100.1"),
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),  # not our proxy: it may write what it likes
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),  # the caller wrote 1.2.3.4 itself
        ("10.0.0.1", "1.2.3.4,203.0.113.9 , 10.0.0.2", "203.0.113.9"),
        ("::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8:0:1::7", "2001:db8:0:1::7"),
        ("10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9,", "10.0.0.1"),
        ("not an address", "203.0.113.9", "not an address"),
    ],
)
def test_the_nearest_address_that_no_proxy_of_ours_has_is_the_callers(
    peer: str, forwarded_for: str, caller: str
) -> None:
    assert PROXIES.caller(peer, forwarded_for) == caller


@pytest.mark.parametrize(
    ("peer", "is_ours"), [("10.0.0.1", True), ("::ffff:10.0.0.1", True), ("11.0.0.1", False), ("", False)]
)
def test_a_proxy_of_ours_is_known_by_its_address(peer: str, is_ours: bool) -> None:
    assert PROXIES.trust(peer) == is_ours


def test_without_proxies_the_header_means_nothing() -> None:
    assert TrustedProxies().caller("127.0.0.1", "203.0.113.9") == "127.0.0.1"
