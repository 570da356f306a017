"""Public event of auth: AuthenticationFailed, published by gates when an address sends too many invalid keys."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationFailed:
    """An address was slowed down for guessing; one a minute at most for each address and gate. Best effort.

    `address`: an IPv4 address or an IPv6 /64. `count`: its invalid keys from `first_at` to `last_at`, since the last
    such event. `kinds`: of malformed, wrong-checksum, unknown, those that occurred, sorted.
    """

    address: str
    count: int
    first_at: datetime
    last_at: datetime
    kinds: tuple[str, ...]
