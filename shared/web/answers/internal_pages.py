"""Internal resource of a list in pages: `GET ?after&limit` answers what comes after that item, and the next `after`."""

import re
from collections.abc import Callable

import falcon
import msgspec

PAGE, PAGE_MAX = 500, 1000
_AFTER = re.compile(r"[!-~]{1,64}", re.ASCII)


class InternalPages:
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
