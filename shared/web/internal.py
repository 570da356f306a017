"""The internal door: metrics, and the feed that followers pull. Never on the public address."""

from collections.abc import Callable
from typing import Any

import falcon
import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared import metrics
from shared.event_store import Head
from shared.feed import Acknowledgement, Feed


def internal_application(feed: Feed, *, is_ready: Callable[[], bool]) -> falcon.App[falcon.Request, falcon.Response]:
    """Its readiness is its own: a public door that is not ready must not close the feed it waits for."""
    app = falcon.App()
    app.add_route("/metrics", _Metrics())
    app.add_route("/internal/feed", _FeedPages(feed))
    app.add_route("/readyz", _Ready(is_ready))
    return app


class _Metrics:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = CONTENT_TYPE_LATEST
        resp.data = generate_latest(metrics.registry)


class _Ready:
    def __init__(self, is_ready: Callable[[], bool]) -> None:
        self._is_ready = is_ready

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.status = 200 if self._is_ready() else 503


class _FeedPages:
    """`GET ?epoch&after&hash[&gate]`: the page past that place; `gate` acknowledges it in the gate's name."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        place = _place(req)
        gate = req.get_param("gate")
        acknowledgement = Acknowledgement(gate=gate, position=place.position if place else 0) if gate else None
        page: Any = self._feed.pull(place, acknowledgement)
        resp.content_type = "application/json"
        resp.data = msgspec.json.encode(page)


def _place(req: falcon.Request) -> Head | None:
    epoch = req.get_param("epoch")
    if epoch is None:
        return None
    position = req.get_param_as_int("after", required=True, min_value=0)
    return Head(epoch=epoch, position=position, hash=req.get_param("hash", required=True))
