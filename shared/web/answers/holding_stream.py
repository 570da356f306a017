"""A streamed answer that holds something until the server closes it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from shared.gate.verdict import Verdict


class Held:
    """What a request holds until its answer is handed to the server."""

    __slots__ = ("verdict",)

    def __init__(self) -> None:
        self.verdict: Verdict | None = None


# What ends those that their server dropped. Garbage may be collected at any point, under any lock, so nothing that
# takes one may be done there; the next request does it.
dropped = deque[Callable[[], None]]()


def end_dropped() -> None:
    """Closes what servers dropped unclosed since the last call."""
    while dropped:
        dropped.popleft()()


class HoldingStream:
    """WSGI servers close what they iterate. One that drops it does not keep it: `end_dropped` closes it."""

    def __init__(self, stream: Iterable[bytes], end: Callable[[], None]) -> None:
        """`end`: is called once."""
        self._is_closed = True  # until it holds anything
        self._stream, self._parts, self._end = stream, iter(stream), end
        self._is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._parts)

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if (close := getattr(self._stream, "close", None)) is not None:
                close()
        finally:
            self._end()

    def __del__(self) -> None:
        if not self._is_closed:
            dropped.append(self.close)
