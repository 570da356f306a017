"""HTTP to an issuer, bounded: a time for an answer, a size, few at once, no redirect; one error for every fault."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

BYTES_MAX = 256 * 1024
# So that an issuer that hangs holds few of the threads that show pages.
AT_ONCE_MAX = 4


class IssuerAway(Exception):
    """The issuer did not answer in time, or not in a form that it could be. The text names the fault alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """`body`: a JSON object. Kept out of the repr: it may hold tokens."""

    status: int
    body: dict[str, Any]

    def __repr__(self) -> str:
        return f"Answered(status={self.status})"


class BoundedHttp:
    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(AT_ONCE_MAX)
        # No cookie and no redirect: what an issuer answers is what it says at this address.
        self._client = httpx.Client(follow_redirects=False, headers={"Accept-Encoding": "identity"})

    def get(self, url: str, seconds_max: float, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Raises IssuerAway, also for another status than 200."""
        answered = self.ask("GET", url, seconds_max, headers=headers or {})
        if answered.status != httpx.codes.OK:
            raise IssuerAway(f"answered {answered.status}")
        return answered.body

    def ask(
        self, method: str, url: str, seconds_max: float, *, headers: Mapping[str, str], body: str | None = None
    ) -> Answered:
        """Raises IssuerAway."""
        if not self._places.acquire(blocking=False):
            raise IssuerAway("too many wait for it already")
        try:
            return self._asked(method, url, seconds_max, headers, body)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError) as error:
            # The text of a cause may quote what was sent.
            raise IssuerAway(type(error).__name__) from None
        finally:
            self._places.release()

    def _asked(
        self, method: str, url: str, seconds_max: float, headers: Mapping[str, str], body: str | None
    ) -> Answered:
        deadline, content = time.monotonic() + seconds_max, bytearray()
        asked = {"Accept": "application/json", **headers}
        self._client.cookies.clear()
        with self._client.stream(method, url, headers=asked, content=body, timeout=seconds_max) as answer:
            for part in answer.iter_raw():
                content += part
                if len(content) > BYTES_MAX:
                    raise IssuerAway(f"answered more than {BYTES_MAX} bytes")
                if time.monotonic() > deadline:
                    raise IssuerAway(f"not within {seconds_max:g} s")
        document = json.loads(content)
        if not isinstance(document, dict):
            raise IssuerAway("answered no JSON object")
        return Answered(status=answer.status_code, body=document)
