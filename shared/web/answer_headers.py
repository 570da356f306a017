"""Headers of an answer to a declared operation: what it is, what its key may still ask, and who may keep it.

What a key may ask is told as of the IETF draft, RateLimit, and as plain numbers, X-RateLimit. These are of one window:
the one with fewer requests left, of two alike the longer.
"""

from functools import lru_cache
from math import ceil
from typing import Final

from shared.gate.concurrency.slots import NONE_LEFT
from shared.gate.gate import CONCURRENT
from shared.gate.grants.grant import Limits
from shared.gate.quota.memory_quota import DAY_SECONDS, MINUTE_SECONDS, Spent
from shared.gate.verdict import Verdict
from shared.web.requests.call import Answer

BODILESS: Final = (204, 304)
_PRIVATE: Final = ("cache-control", "private")


def answer_headers(
    verdict: Verdict | None, answer: Answer, request_id: str, length: int, now: float
) -> list[tuple[str, str]]:
    """What its key may still ask, and who may keep the answer, beside what the answer says itself.

    `now`: by the log's clock, in seconds since 1970.
    """
    headers = [("x-request-id", request_id)]
    if answer.status not in BODILESS:
        headers.append(("content-type", answer.content_type))
        if answer.stream is None:
            headers.append(("content-length", str(length)))
    headers += answer.headers.items()
    if verdict is None or verdict.grant is None:
        return headers
    limits, spent = verdict.limits, verdict.spent
    if limits is not None and spent is not None:
        name = "minute" if verdict.reserve is None else verdict.reserve.name
        slots_left: int | None = verdict.slots_left
        if slots_left == NONE_LEFT:
            slots_left = 0 if CONCURRENT in spent.violated else None
        headers += _rate_limit(limits, spent, name, now, slots_left)
    if verdict.in_query:
        return kept_by_nobody(headers)
    if "Cache-Control" not in answer.headers:
        headers.append(_PRIVATE)
    return headers


def kept_by_nobody(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    others = [header for header in headers if header[0].lower() != "cache-control"]
    return [*others, ("cache-control", "private, no-store")]


def _rate_limit(
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
