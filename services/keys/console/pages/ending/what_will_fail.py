"""What will fail when a key ends: its requests in the last hour, and where they came from."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.keys.console.pages.key_usage import ActivityPage, KeyUsage, Step, Wanted

_HOUR = timedelta(hours=1)
_READ, _SOURCES = 100, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatWillFail:
    """`sources`: (address, user agent, requests) of those that asked most. `is_sample`: of the latest requests."""

    requests: int
    sources: tuple[tuple[str, str, int], ...]
    is_sample: bool


def what_will_fail(usage: KeyUsage, organisation_id: str, key_id: str, now: datetime) -> WhatWillFail:
    """Raises UsageAway."""
    use = usage.use(organisation_id, key_id, Step.MINUTE, now)
    if not use.requests:
        return WhatWillFail(requests=0, sources=(), is_sample=False)
    page = usage.activity(organisation_id, key_id, _READ, Wanted(start=now - _HOUR))
    return WhatWillFail(requests=use.requests, sources=sources_of(page), is_sample=page.next is not None)


def sources_of(page: ActivityPage) -> tuple[tuple[str, str, int], ...]:
    """(address, user agent, requests) of the requests on a page, those that asked most first."""
    counted: Counter[tuple[str, str]] = Counter()
    for request in (entry.request for entry in page.entries if entry.request is not None):
        counted[request.address, request.user_agent] += request.requests
    return tuple((*source, count) for source, count in counted.most_common(_SOURCES))
