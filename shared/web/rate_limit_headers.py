"""RateLimit headers of an answer: what its key may still ask, as of the IETF draft and as plain numbers, X-RateLimit.

The plain numbers are of one window: the one with fewer requests left, of two alike the longer.
"""

from functools import lru_cache
from math import ceil

from shared.gate.grants.grant import Limits
from shared.gate.quota.memory_quota import DAY_SECONDS, MINUTE_SECONDS, Spent


def rate_limit_headers(
    limits: Limits, spent: Spent, name: str, now: float, slots_left: int | None = None
) -> tuple[tuple[str, str], ...]:
    """An unlimited day is left out. `name`: of the policy of a minute. `now`: seconds since 1970.

    `slots_left`: requests that may be answered beside this one; None: that is not limited, or was not asked.
    """
    day = limits.day
    limit, left, reset = limits.minute, spent.minute_left, ceil(now) + spent.minute_reset_seconds
    state = f'"{name}";r={left};t={spent.minute_reset_seconds}'
    if day is not None:
        day_left = spent.day_left or 0
        state = f'{state}, "day";r={day_left};t={spent.day_reset_seconds}'
        if day_left <= left:
            limit, left, reset = day, day_left, (int(now) // DAY_SECONDS + 1) * DAY_SECONDS
    concurrent = None if slots_left is None else limits.concurrent
    if concurrent is not None:
        state = f'{state}, "concurrent";r={slots_left}'
    return (
        _policy(name, limits.minute, day, concurrent),
        ("ratelimit", state),
        ("x-ratelimit-limit", str(limit)),
        ("x-ratelimit-remaining", str(left)),
        ("x-ratelimit-reset", str(reset)),
    )


@lru_cache(maxsize=1024)
def _policy(name: str, minute: int, day: int | None, concurrent: int | None) -> tuple[str, str]:
    policy = f'"{name}";q={minute};w={MINUTE_SECONDS:.0f}'
    if day is not None:
        policy = f'{policy}, "day";q={day};w={DAY_SECONDS}'
    if concurrent is not None:
        policy = f'{policy}, "concurrent";q={concurrent};qu="concurrent-requests"'
    return "ratelimit-policy", policy
