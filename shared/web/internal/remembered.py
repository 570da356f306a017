"""Internal resources of what a service remembers of a log: places of it whole, and what ended in pages."""

import re
from collections.abc import Callable, Sequence

import falcon
import msgspec

from shared.eventsourcing.audit import Anchor

PAGE, PAGE_MAX = 500, 1000
_AFTER = re.compile(r"[!-~]{1,64}", re.ASCII)


class InternalPages:
    """`GET ?after&limit`: what comes after that item, and what to ask for next."""

    def __init__(self, page: Callable[[str | None, int], object]) -> None:
        """`page`: (after, limit) → what is encoded as JSON."""
        self._page = page

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        after = req.get_param("after")
        if after is not None and not _AFTER.fullmatch(after):
            raise falcon.HTTPInvalidParam("it must be what a page before named as next", "after")
        limit = req.get_param_as_int("limit", min_value=1, max_value=PAGE_MAX, default=PAGE)
        resp.content_type = "application/json"
        resp.data = msgspec.json.encode(self._page(after, limit))


class Anchors:
    """`GET`: what this service remembers of a log that it follows, place by place. For audits of that log."""

    def __init__(self, anchors: Callable[[], Sequence[Anchor]]) -> None:
        self._anchors = anchors

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "application/json"
        resp.data = msgspec.json.encode(self._anchors())
