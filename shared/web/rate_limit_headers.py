"""RateLimit headers of an answer: what its key may still ask, as of the IETF draft and as plain numbers, X-RateLimit.

The plain numbers are of one window: the one with fewer requests left, of two alike the longer.
"""

from functools import lru_cache
from math import ceil

from shared.gate.grants.grant import Limits
from shared.gate.quota.memory_quota import DAY_SECONDS, MINUTE_SECONDS, Spent


def rate_limit_headers(limits: Limits, spent: Spent, name: str, now: float) -> tuple[tuple[str, str], ...]:
    """An unlimited day is left out. `name`: of the policy of a minute. `now`: seconds since 1970."""
    day = limits.day
    limit, left, reset = limits.minute, spent.minute_left, ceil(now) + spent.minute_reset_seconds
    state = f'"{name}";r={left};t={spent.minute_reset_seconds}'
    if day is not None:
        day_left = spent.day_left or 0
        state = f'{state}, "day";r={day_left};t={spent.day_reset_seconds}'
        if day_left <= left:
            limit, left, reset = day, day_left, (int(now) // DAY_SECONDS + 1) * DAY_SECONDS
    return (
        _policy(name, limits.minute, day),
        ("ratelimit", state),
        ("x-ratelimit-limit", str(limit)),
        ("x-ratelimit-remaining", str(left)),
        ("x-ratelimit-reset", str(reset)),
    )


@lru_cache(maxsize=1024)
def _policy(name: str, minute: int, day: int | None) -> tuple[str, str]:
    policy = f'"{name}";q={minute};w={MINUTE_SECONDS:.0f}'
    return "ratelimit-policy", policy if day is None else f'{policy}, "day";q={day};w={DAY_SECONDS}'
