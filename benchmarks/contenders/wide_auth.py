"""`python -m benchmarks.contenders.wide_auth`: auth's internal door with a tier whose limits no load here reaches.

A hundred keys that carry all of a load, or a thousand, would pass every real tier's limit in a second.
"""

from services.auth.tier_limits import TIERS
from services.distributed import web
from shared.gate.grants.grant import Limits

WIDE = "wide"
# When this module is imported: also in the worker, which Granian starts afresh from it.
TIERS[WIDE] = Limits(minute=10_000_000, day=10_000_000_000)

if __name__ == "__main__":
    web.main("auth", "internal")
