"""Client IP address: the peer's own or, behind trusted proxies, the one they name in X-Forwarded-For."""

from collections.abc import Sequence
from functools import lru_cache

from shared.values.ip_addresses import Address, Network, address

_CALLERS_MAX = 10_000


class TrustedProxies:
    """The networks of our own proxies. Nobody else's X-Forwarded-For is believed."""

    def __init__(self, trusted: Sequence[Network] = ()) -> None:
        self._trusted = trusted
        # Cached: parsing an address takes longer than the rest of a verdict, and few callers make most requests.
        self.caller = lru_cache(maxsize=_CALLERS_MAX)(self._caller)
        self.trust = lru_cache(maxsize=_CALLERS_MAX)(self._trust)

    def _trust(self, peer: str) -> bool:
        """Whether the peer is one of our proxies, whose other headers about its callers may be believed, too."""
        known = address(peer)
        return known is not None and self._is_ours(known)

    def _caller(self, peer: str, forwarded_for: str) -> str:
        """Reads X-Forwarded-For from the right, as far as trusted proxies wrote it; the rest may be forged."""
        caller = address(peer)
        if caller is None:
            return peer
        for hop in reversed(forwarded_for.split(",")):
            if not self._is_ours(caller):
                break
            further = address(hop.strip())
            if further is None:
                break
            caller = further
        return str(caller)

    def _is_ours(self, caller: Address) -> bool:
        return any(caller in network for network in self._trusted)
