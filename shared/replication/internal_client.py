"""HTTP client of the internal APIs: bearer token, kept connections, bounds, one error for every failure.

Who holds another service may answer without end, or a byte now and then: what is asked of it is whole in time, and of
bounded size, or it is no answer.
"""

import io
import socket
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from time import monotonic
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from shared.replication.feed import FeedUnavailable
from shared.replication.proof.signed_pages import SIGNATURE_HEADER

# Threads that use one client at the same time.
_CONNECTIONS = 4
ANSWER_BYTES_MAX = 64 * 1024 * 1024
_GOOD = (HTTPStatus.OK, HTTPStatus.NO_CONTENT)
_Answer = tuple[int, HTTPMessage, bytes]


class InternalClient:
    """HTTP with the internal token. Safe to share between threads.

    Uses the standard library's client: each gate pulls every second and after every event, and urllib3 takes twice the
    processor time, httpx four times.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._idle: deque[HTTPConnection] = deque(maxlen=_CONNECTIONS)

    def get(self, path: str, query: dict[str, str], seconds_max: float) -> bytes:
        """Raises FeedUnavailable, naming the address and never the token. `seconds_max`: until the answer is whole."""
        return self.get_signed(path, query, seconds_max)[0]

    def get_signed(self, path: str, query: dict[str, str], seconds_max: float) -> tuple[bytes, str | None]:
        """The answer and its signature, if it has one. Raises FeedUnavailable."""
        headers, data = self._ask("GET", path, query, seconds_max)
        return data, headers.get(SIGNATURE_HEADER)

    def delete(self, path: str, seconds_max: float) -> None:
        """Raises FeedUnavailable."""
        self._ask("DELETE", path, {}, seconds_max)

    @contextmanager
    def stream(
        self, path: str, query: dict[str, str], accept: str, seconds_max: float
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """An answer to be read as it arrives, decompressed. `seconds_max`: for each read. Raises FeedUnavailable."""
        headers = {**self._headers, "Accept": accept}
        with urllib3.PoolManager(headers=headers, retries=False, timeout=seconds_max) as http:
            with self._told(path):
                answer = http.request("GET", self._url + path, fields=query, redirect=False, preload_content=False)
            try:
                self._require_good(path, answer.status)
                yield answer
            except urllib3.exceptions.HTTPError as error:
                raise FeedUnavailable(f"{self._url}{path}: {type(error).__name__}") from error
            finally:
                answer.close()

    def _ask(self, method: str, path: str, query: dict[str, str], seconds_max: float) -> tuple[HTTPMessage, bytes]:
        with self._told(path):
            parts = urlsplit(self._url)
            target = parts.path + path + (f"?{urlencode(query)}" if query else "")
            until = monotonic() + seconds_max
            status, headers, data = self._exchange(parts.scheme, parts.netloc, (method, target), until)
        self._require_good(path, status)
        return headers, data

    def _exchange(self, scheme: str, host: str, asked: tuple[str, str], until: float) -> _Answer:
        """Over a connection that was kept; over a new one if there is none, or if that has ended meanwhile."""
        try:
            kept = self._idle.pop()
        except IndexError:
            pass
        else:
            try:
                return self._exchange_over(kept, asked, until)
            except ConnectionError:
                pass
        new = HTTPSConnection if scheme == "https" else HTTPConnection
        return self._exchange_over(new(host), asked, until)

    def _exchange_over(self, connection: HTTPConnection, asked: tuple[str, str], until: float) -> _Answer:
        try:
            connection.timeout = _seconds_left(until)
            if connection.sock is not None:
                connection.sock.settimeout(connection.timeout)
            connection.response_class = partial(_answer, until)  # type: ignore[assignment]
            connection.request(*asked, headers=self._headers)
            answer = connection.getresponse()
            data = answer.read(ANSWER_BYTES_MAX + 1)
            if answer.length or len(data) > ANSWER_BYTES_MAX:
                raise HTTPException("cut off, or too long")
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)  # one that the other side ends with this answer connects anew
        return answer.status, answer.headers, data

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        try:
            yield
        except (OSError, HTTPException, urllib3.exceptions.HTTPError) as error:
            raise FeedUnavailable(f"{self._url}{path}: {type(error).__name__}") from error
        except ValueError as error:  # its text may quote the token
            raise FeedUnavailable(f"{self._url}{path}: {type(error).__name__}") from None

    def _require_good(self, path: str, status: int) -> None:
        if status not in _GOOD:
            raise FeedUnavailable(f"{self._url}{path} answered {status}")


class _Until(io.RawIOBase):
    """What arrives at a socket until then. Each read raises TimeoutError once it is over."""

    def __init__(self, until: float, arriving: socket.socket) -> None:
        self._until, self._socket = until, arriving
        self._raw = arriving.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(_seconds_left(self._until))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _answer(until: float, arriving: socket.socket, **options: Any) -> HTTPResponse:
    answer = HTTPResponse(arriving, **options)
    answer.fp.close()
    answer.fp = io.BufferedReader(_Until(until, arriving))
    return answer


def _seconds_left(until: float) -> float:
    seconds = until - monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
