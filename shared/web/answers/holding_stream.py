"""A streamed answer that holds something until the server closes it."""

from collections.abc import Callable, Iterable, Iterator

from shared.gate.verdict import Verdict


class Held:
    """What a request holds until its answer is handed to the server."""

    __slots__ = ("verdict",)

    def __init__(self) -> None:
        self.verdict: Verdict | None = None


class HoldingStream:
    """WSGI servers close what they iterate. One that drops it does not keep it: it is closed as garbage then."""

    def __init__(self, stream: Iterable[bytes], end: Callable[[], None]) -> None:
        """`end`: is called once."""
        self._stream, self._parts, self._end, self._is_closed = stream, iter(stream), end, False

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
        self.close()
