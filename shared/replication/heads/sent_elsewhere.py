"""Heads sent elsewhere (AUDIT_HEADS): each head that a service signs, as a line of a file or a POST to a webhook.

Out of reach of those who hold this machine they prove what the log was. They hold up nothing: a timer sends them, what
cannot be sent waits in memory, a day's at most, and is sent first the next time.
"""

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
import structlog
import urllib3

from shared.observability import metrics
from shared.observability.once_a_minute import OnceAMinute
from shared.replication.proof.signed_heads import SignedHead

SEND_SECONDS = 60
WAITING_MAX = 24 * 60
_AT_ONCE_MAX = 60
_POST_SECONDS_MAX = 5.0
_log = structlog.get_logger(__name__)


class HeadNotSent(Exception):
    """The text names no address: it may hold a secret."""


class SentHead(msgspec.Struct, frozen=True, kw_only=True):
    """A line: the log's name, and the head with its signature."""

    log: str
    head: SignedHead


class Elsewhere(Protocol):
    def send(self, line: bytes) -> None:
        """Raises HeadNotSent."""
        ...


class HeadFile:
    """Appends lines to a file, which other processes may append to as well."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, line: bytes) -> None:
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if os.write(file, line + b"\n") != len(line) + 1:
                    raise HeadNotSent("the file took a part of the line")
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise HeadNotSent(f"the file cannot be written: {error.strerror}") from None


class HeadWebhook:
    """POSTs each line as JSON. Any 2xx is a receipt; redirects are not followed."""

    def __init__(self, url: str, *, seconds_max: float = _POST_SECONDS_MAX) -> None:
        self._url, self._seconds_max = url, seconds_max

    def send(self, line: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        try:
            # A connection for each: one that was kept for a minute may have been closed at the other end.
            with urllib3.PoolManager(retries=False, timeout=self._seconds_max) as http:
                answer = http.request("POST", self._url, body=line, headers=headers, redirect=False)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise HeadNotSent(f"the webhook does not answer: {type(error).__name__}") from None
        if not 200 <= answer.status < 300:
            raise HeadNotSent(f"the webhook answered {answer.status}")


class SentElsewhere:
    """`tick`, once a minute, sends the head of now and what waits. Without an address it does nothing."""

    def __init__(self, log: str, signed: Callable[[], SignedHead | None], elsewhere: Elsewhere | None) -> None:
        self._log, self._signed, self._elsewhere = log, signed, elsewhere
        self._waiting: deque[bytes] = deque(maxlen=WAITING_MAX)
        self._last: SignedHead | None = None
        self._lines = OnceAMinute()

    def tick(self) -> None:
        """Never raises."""
        if self._elsewhere is None:
            return
        try:
            self._take(self._signed())
            self._send_some(self._elsewhere)
        except HeadNotSent as error:
            metrics.heads_sent.labels("failed").inc()
            if (cases := self._lines.due()) is not None:
                _log.warning("heads_not_sent", waiting=len(self._waiting), since_last_line=cases, detail=str(error))
        except Exception:
            _log.exception("heads_not_sent")

    def _take(self, head: SignedHead | None) -> None:
        if head is not None and head != self._last:
            self._last = head
            self._waiting.append(msgspec.json.encode(SentHead(log=self._log, head=head)))

    def _send_some(self, elsewhere: Elsewhere) -> None:
        """Some at a time: after an outage a webhook that is slow must not hold the timer for hours."""
        for _ in range(min(_AT_ONCE_MAX, len(self._waiting))):
            elsewhere.send(self._waiting[0])
            self._waiting.popleft()
            metrics.heads_sent.labels("sent").inc()


def elsewhere_of(address: str) -> Elsewhere | None:
    """AUDIT_HEADS: the path of a file, or an https address (http on loopback); empty: nowhere. Raises ValueError."""
    if not address:
        return None
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")):
        return HeadWebhook(address)
    if "://" in address:
        raise ValueError
    path = Path(address)
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError
    return HeadFile(path)
