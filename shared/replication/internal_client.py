"""HTTP client of the internal APIs: bearer token, pooled connections, time-outs, one error for every failure."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import urllib3

from shared.replication.feed import FeedUnavailable
from shared.replication.proof.signed_pages import SIGNATURE_HEADER

# Threads that use one client at the same time.
_CONNECTIONS = 4
_GOOD = (HTTPStatus.OK, HTTPStatus.NO_CONTENT)


class InternalClient:
    """HTTP with the internal token. Safe to share between threads.

    Uses urllib3, because each gate pulls again after every event, and httpx takes twice the processor time.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"}
        self._http = urllib3.PoolManager(headers=headers, retries=False, maxsize=_CONNECTIONS)

    def get(self, path: str, query: dict[str, str], seconds_max: float) -> bytes:
        """Raises FeedUnavailable, naming the address and never the token."""
        return self._ask("GET", path, seconds_max, fields=query).data

    def get_signed(self, path: str, query: dict[str, str], seconds_max: float) -> tuple[bytes, str | None]:
        """The answer and its signature, if it has one. Raises FeedUnavailable."""
        answer = self._ask("GET", path, seconds_max, fields=query)
        return answer.data, answer.headers.get(SIGNATURE_HEADER)

    @contextmanager
    def stream(
        self, path: str, query: dict[str, str], accept: str, seconds_max: float
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """An answer to be read as it arrives. `seconds_max`: for each read. Raises FeedUnavailable."""
        headers = {**self._http.headers, "Accept": accept}
        answer = self._ask("GET", path, seconds_max, fields=query, headers=headers, preload_content=False)
        try:
            yield answer
        except urllib3.exceptions.HTTPError as error:
            raise FeedUnavailable(f"{self._url}{path}: {type(error).__name__}") from error
        finally:
            answer.close()

    def delete(self, path: str, seconds_max: float) -> None:
        """Raises FeedUnavailable."""
        self._ask("DELETE", path, seconds_max)

    def _ask(self, method: str, path: str, seconds_max: float, **more: Any) -> urllib3.BaseHTTPResponse:
        try:
            answer = self._http.request(method, self._url + path, timeout=seconds_max, redirect=False, **more)
        except urllib3.exceptions.HTTPError as error:
            raise FeedUnavailable(f"{self._url}{path}: {type(error).__name__}") from error
        except ValueError as error:  # its text may quote the token
            raise FeedUnavailable(f"{self._url}{path}: {type(error).__name__}") from None
        if answer.status not in _GOOD:
            answer.close()
            raise FeedUnavailable(f"{self._url}{path} answered {answer.status}")
        return answer
