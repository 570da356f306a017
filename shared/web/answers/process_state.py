"""Resources of the internal door that tell of the process itself: its metrics, and whether it is ready."""

from collections.abc import Callable, Sequence

import falcon
from prometheus_client import CONTENT_TYPE_LATEST

from shared.observability.at_scrape import Measure, exposed


class MetricsNow:
    """`GET`: in Prometheus's text format."""

    def __init__(self, measures: Sequence[Measure]) -> None:
        self._exposed = exposed(measures)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = CONTENT_TYPE_LATEST
        resp.data = self._exposed()


class Readiness:
    """`GET`: 200 or 503."""

    def __init__(self, is_ready: Callable[[], bool]) -> None:
        self._is_ready = is_ready

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.status = 200 if self._is_ready() else 503
