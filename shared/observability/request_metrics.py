"""Buffered request metrics: requests are counted in plain memory and added to Prometheus's counters now and then.

A counter that all processes of a service share is written to a file at each change. That costs too much for each
request, and a scrape comes only every few seconds.
"""

import threading
from bisect import bisect_left

from prometheus_client import Counter, Histogram


class _Noted:
    """Counts of one kind of request. `buckets`: requests by duration; the last bucket has no upper bound."""

    __slots__ = ("buckets", "seconds")

    def __init__(self, buckets: int) -> None:
        self.seconds, self.buckets = 0.0, [0] * buckets


class RequestMetrics:
    """Buffer in front of two metrics: `requests` (service, method, route, status_class) and `seconds` (service)."""

    def __init__(self, requests: Counter, seconds: Histogram) -> None:
        self._requests, self._seconds = requests, seconds
        self._bounds = seconds._upper_bounds
        self._one_at_a_time = threading.Lock()
        self._noted: dict[tuple[str, str, str, int], _Noted] = {}

    def note(self, service: str, method: str, route: str, status: int, seconds: float) -> None:
        """`route`: the declared one, for a path would make as many series as there are paths."""
        key, bucket = (service, method, route, status), bisect_left(self._bounds, seconds)
        with self._one_at_a_time:
            noted = self._noted.get(key)
            if noted is None:
                noted = self._noted[key] = _Noted(len(self._bounds))
            noted.seconds += seconds
            noted.buckets[bucket] += 1

    def tell(self) -> None:
        """Adds what was noted since the last call to the Prometheus metrics.

        A histogram's parts are private to Prometheus's client, which offers no way to add many observations at once.
        """
        with self._one_at_a_time:
            all_noted, self._noted = self._noted, {}
        for (service, method, route, status), noted in all_noted.items():
            self._requests.labels(service, method, route, f"{status // 100}xx").inc(sum(noted.buckets))
            histogram = self._seconds.labels(service)
            histogram._sum.inc(noted.seconds)
            for bucket, count in enumerate(noted.buckets):
                if count:
                    histogram._buckets[bucket].inc(count)
