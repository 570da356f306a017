"""Limits of each tier, for each of its keys. The product page states these numbers to its users."""

from shared.gate.grants.grant import Limits

TIERS: dict[str, Limits] = {
    "free": Limits(minute=60, day=10_000, concurrent=5),
    "standard": Limits(minute=300, day=100_000, concurrent=20),
    "premium": Limits(minute=1_000, day=None, concurrent=50),
}
