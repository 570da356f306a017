"""Flat combining: concurrent calls are queued, and one of the callers serves many of them at once.

After Hendler, Incze, Shavit and Tzafrir (2010). Applied to the commits of a log, it is group commit.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Abandoned(Exception):
    """The thread that served this call was stopped while doing so: whether the call took effect is not known."""


@dataclass(slots=True, eq=False)
class _Call(Generic[Item]):
    item: Item
    is_over: bool = False
    error: Exception | None = None


class Combiner(Generic[Item]):
    def __init__(self, serve: Callable[[Sequence[Item]], object], *, most: int, gives_way: bool = True) -> None:
        """`serve` is given the waiting items in the order they came, at most `most` at once, by one thread at a time.

        `gives_way`: before each `serve` let other threads run, so that those about to call are served along with it.
        """
        self._serve, self._most, self._gives_way = serve, most, gives_way
        self._changed = threading.Condition()
        self._waiting: list[_Call[Item]] = []
        self._is_led = False

    def __call__(self, item: Item) -> None:
        """Returns once a `serve` that was given the item has returned. Raises what it raised, or Abandoned."""
        call = _Call(item)
        with self._changed:
            self._waiting.append(call)
        while not self._is_served_by_others(call):
            self._lead()
        if call.error is not None:
            raise call.error

    def _is_served_by_others(self, call: _Call[Item]) -> bool:
        """Waits until the call was served, or until nobody serves: then False, and this caller must lead."""
        with self._changed:
            self._changed.wait_for(lambda: call.is_over or not self._is_led)
            if not call.is_over:
                self._is_led = True
            return call.is_over

    def _give_way(self) -> None:
        """Lets other threads run, as long as that brings new calls."""
        waiting = 0
        while waiting < len(self._waiting) < self._most:
            waiting = len(self._waiting)
            time.sleep(0)

    def _lead(self) -> None:
        calls: list[_Call[Item]] = []
        error: Exception | None = Abandoned()
        try:
            if self._gives_way:
                self._give_way()
            with self._changed:
                calls, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            self._serve([call.item for call in calls])
            error = None
        except Exception as raised:
            error = raised
        finally:
            with self._changed:
                for call in calls:
                    call.is_over, call.error = True, error
                self._is_led = False
                self._changed.notify_all()
