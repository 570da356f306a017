"""HTTP client of the command line, with the key of the environment, the prompt or standard input.

A key is never an argument: `ps` shows those. What changes something has an Idempotency-Key of its own, so that it may
be sent again when its answer was lost.
"""

import getpass
import os
import re
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import typer

from services.cli.failure import Failure
from services.cli.remote.repetition import AnswerLost, answered

_DEFAULT_URL = "http://127.0.0.1:8000"
_TIMEOUT_SECONDS = 30.0
_MAY_BE_DONE = "  An earlier answer to this was lost: that request may have done it. Look before you ask again."
_ID = re.compile(r"[0-9A-Za-z_]{1,100}", re.ASCII)


class Client:
    """`transport`, `wait`: replaced in tests."""

    def __init__(
        self, transport: httpx.BaseTransport | None = None, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._wait = wait
        self._url = os.environ.get("GRILLO_URL", _DEFAULT_URL).rstrip("/")
        headers = {"Authorization": f"Bearer {_api_key()}"}
        try:
            self._http = httpx.Client(
                base_url=self._url, headers=headers, timeout=_TIMEOUT_SECONDS, transport=transport
            )
        except (httpx.InvalidURL, ValueError):
            raise Failure("GRILLO_URL is no address of a server; it must read http://HOST:PORT.") from None

    def get(self, path: str, **query: Any) -> Any:
        return self._ask("GET", path, params=_given(query))

    def post(self, path: str, body: dict[str, Any], **query: Any) -> Any:
        return self._ask("POST", path, json=body, headers=_as_one_request(), params=_given(query))

    def patch(self, path: str, body: dict[str, Any], headers: dict[str, str], **query: Any) -> Any:
        headers = headers | _as_one_request() if body.get("regenerate") else headers
        return self._ask("PATCH", path, json=body, headers=headers, params=_given(query))

    def delete(self, path: str, **query: Any) -> Any:
        return self._ask("DELETE", path, params=_given(query))

    def pages(self, path: str, **query: Any) -> list[Any]:
        """All items of a list, page after page."""
        items: list[Any] = []
        cursor: str | None = None
        while True:
            page = self.get(path, limit=100, cursor=cursor, **query)
            items += page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        try:
            answer, may_be_done = answered(lambda: self._http.request(method, path, **options), self._wait)
        except AnswerLost as lost:
            raise Failure(
                f"the answer of {self._url} was lost ({lost}), so it may have been done: look before you ask again."
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Failure(f"no answer from {self._url} ({error}). Is it running? GRILLO_URL names another.") from None
        if answer.is_error:
            told = _refusal(answer)
            raise Failure(f"{told}\n{_MAY_BE_DONE}" if may_be_done and method != "GET" else told)
        return self._document(answer)

    def _document(self, answer: httpx.Response) -> dict[str, Any]:
        """Raises Failure when whoever answered is not this API: a proxy's page, another server on the port."""
        try:
            document = answer.json()
        except ValueError:
            document = None
        if not isinstance(document, dict) or "X-Request-Id" not in answer.headers:
            raise Failure(f"{self._url} answered, but not as grillo does. GRILLO_URL names another address.")
        return document


def _as_one_request() -> dict[str, str]:
    """However often it is sent."""
    return {"Idempotency-Key": str(uuid.uuid4())}


def _given(query: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def id_in_path(text: str) -> str:
    """An id as it may stand in a path: anything else, as ../sensors, would ask for something else."""
    if _ID.fullmatch(text) is None:
        raise typer.BadParameter("an id is letters, digits and _")
    return text


def _api_key() -> str:
    from shared import environment

    key = environment.text("GRILLO_API_KEY") or os.environ.get("GRILLO_API_KEY")
    if key is None:
        key = getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not key.strip():
        raise Failure("no API key: set GRILLO_API_KEY, or give it on standard input.")
    if not key.strip().isascii() or not key.strip().isprintable():
        # Said here, because the HTTP library would quote it.
        raise Failure("the API key holds a line break or another character that no key has: copy it again.")
    return key.strip()


def _refusal(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        lines = [f"{problem['title']} ({problem['status']}): {problem['detail']}"]
        for pointer, messages in problem.get("errors", {}).items():
            fault = f"{pointer}: {' '.join(messages)}"
            lines += [] if fault == problem["detail"] else [f"  {fault}"]
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.reason_phrase}"
    return "\n".join([*lines, f"  request {problem['request_id']}"])
