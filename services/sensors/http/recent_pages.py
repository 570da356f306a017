"""Recent pages of a list as bytes with their tags, at most a second old and never older than the log.

Who polls costs little: neither the rows are read again, nor what is shown of them encoded and digested. A page is given
again only while the log has not moved: what an event changes, such as a network that is closed to keys, is seen at
once. What arrives without one, such as samples, is seen a second later at most.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock

from cachetools import LRUCache

from services.sensors.http.product_form import EncodedPage

KEPT_SECONDS = 1.0
_PAGES_MAX = 100


@dataclass(frozen=True, slots=True)
class _Page:
    encoded: EncodedPage
    position: int
    read_at: float


class RecentPages:
    """`position`: of the log's last event. `elapsed_seconds`: of a clock."""

    def __init__(self, position: Callable[[], int], elapsed_seconds: Callable[[], float]) -> None:
        self._position, self._elapsed_seconds = position, elapsed_seconds
        self._pages: LRUCache[Hashable, _Page] = LRUCache(_PAGES_MAX)
        self._lock = Lock()

    def get(self, asked: Hashable, read: Callable[[], EncodedPage]) -> EncodedPage:
        """`asked`: everything that the page depends on: who may see what, filters, and place."""
        position, now = self._position(), self._elapsed_seconds()
        with self._lock:
            page = self._pages.get(asked)
        if page is None or page.position != position or now - page.read_at > KEPT_SECONDS:
            # The position was read before the page: what came between is in the page, and seen as a move next time.
            page = _Page(read(), position, now)
            with self._lock:
                self._pages[asked] = page
        return page.encoded
