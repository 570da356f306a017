"""Another service's feed, and auth's snapshot, over its internal door; and a second path when the first fails."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
import urllib3

from shared.eventsourcing.audit import Anchor
from shared.eventsourcing.event_store import Head
from shared.gate.grants import snapshot_stream
from shared.gate.grants.compact_grants import PackedSnapshot
from shared.gate.grants.grant import Snapshot
from shared.replication.feed import PAGE_EVENTS, Acknowledgement, Feed, FeedPage, FeedUnavailable
from shared.runtime.clock import Clock

PULL_SECONDS_MAX = 0.5
# After a full page that was here within this, one so many times larger has time to spare; after one that took longer
# than that, one like it may come too late.
_QUICK_SECONDS, _GROWTH = PULL_SECONDS_MAX / 6, 4
_SLOW_SECONDS = PULL_SECONDS_MAX / 2
# Threads that ask one door at the same time.
_CONNECTIONS = 4
CHECKPOINT_SECONDS_MAX = 5.0
SNAPSHOT_SECONDS_MAX = 20.0
_BLOCK_BYTES = 64 * 1024
_GOOD = (HTTPStatus.OK, HTTPStatus.NO_CONTENT)
_log = structlog.get_logger(__name__)


class InternalDoor:
    """HTTP with the internal token. Safe to share between threads.

    By urllib3, because each gate asks again behind every event: httpx takes twice the processor for it.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"}
        self._http = urllib3.PoolManager(headers=headers, retries=False, maxsize=_CONNECTIONS)

    def get(self, path: str, query: dict[str, str], seconds_max: float) -> bytes:
        """Raises FeedUnavailable, naming the address and never the token."""
        return self._ask("GET", path, seconds_max, fields=query).data

    @contextmanager
    def stream(self, path: str, accept: str, seconds_max: float) -> Iterator[urllib3.BaseHTTPResponse]:
        """For an answer that is read as it comes; `seconds_max`: without anything coming. Raises FeedUnavailable."""
        headers = {**self._http.headers, "Accept": accept}
        answer = self._ask("GET", path, seconds_max, headers=headers, preload_content=False)
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
        except ValueError as error:  # which may quote the header that cannot be sent
            raise FeedUnavailable(f"{self._url}{path}: {type(error).__name__}") from None
        if answer.status not in _GOOD:
            answer.close()
            raise FeedUnavailable(f"{self._url}{path} answered {answer.status}")
        return answer


class HttpFeed:
    """Asks for larger pages after full ones that came quickly: who is far behind is through in a third of the time.

    But a page must be here whole before its time is over. After one that came late or never, pages stay small until
    there is no full one any more.
    """

    def __init__(self, door: InternalDoor, clock: Clock, *, events_max: int = PAGE_EVENTS) -> None:
        """`events_max`: as large as pages may become."""
        self._door, self._clock, self._events_max = door, clock, events_max
        self._events, self._may_grow = PAGE_EVENTS, True

    def pull(self, after: Head | None, acknowledgement: Acknowledgement | None = None) -> FeedPage:
        """One at a time."""
        events, may_grow = self._events, self._may_grow
        self._events, self._may_grow = PAGE_EVENTS, False  # should this one not come
        began = self._clock.elapsed_seconds()
        page = self._ask(after, acknowledgement, events)
        seconds = self._clock.elapsed_seconds() - began
        if len(page.events) < events:
            self._may_grow = True
        elif seconds < _SLOW_SECONDS:
            grows = may_grow and seconds < _QUICK_SECONDS
            self._events, self._may_grow = min(_GROWTH * events, self._events_max) if grows else events, may_grow
        return page

    def _ask(self, after: Head | None, acknowledgement: Acknowledgement | None, events: int) -> FeedPage:
        query = {"events": str(events)}
        if after is not None:
            query |= {"epoch": after.epoch, "after": str(after.position), "hash": after.hash}
        if acknowledgement is not None:
            query["gate"] = acknowledgement.gate
        return _page(self._door.get("/internal/feed", query, PULL_SECONDS_MAX))

    def leave(self, gate: str) -> None:
        """A gate that stops cleanly gives its place up. Raises FeedUnavailable."""
        self._door.delete(f"/internal/gates/{gate}", PULL_SECONDS_MAX)


class FirstAnswer:
    """Asks one feed after the other until one answers."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._feeds = feeds

    def pull(self, after: Head | None, acknowledgement: Acknowledgement | None = None) -> FeedPage:
        """Raises the last feed's FeedUnavailable."""
        *others, last = self._feeds
        for feed in others:
            try:
                return feed.pull(after, acknowledgement)
            except FeedUnavailable as error:
                _log.warning("feed_did_not_answer", detail=str(error))
        return last.pull(after, acknowledgement)


class RemoteSnapshot:
    def __init__(self, door: InternalDoor) -> None:
        self._door = door

    def __call__(self) -> Snapshot | PackedSnapshot:
        """Raises FeedUnavailable."""
        try:
            with self._door.stream("/internal/grants", snapshot_stream.CONTENT_TYPE, SNAPSHOT_SECONDS_MAX) as answer:
                if snapshot_stream.CONTENT_TYPE in answer.headers.get("content-type", ""):
                    return snapshot_stream.read(answer.stream(_BLOCK_BYTES, decode_content=True))
                return msgspec.json.decode(answer.data, type=Snapshot)  # of an auth from before it streamed
        except (snapshot_stream.StreamBroken, msgspec.DecodeError) as error:
            raise FeedUnavailable(f"auth's snapshot cannot be read: {error}") from error


class RemoteAnchor:
    """What another service remembers of the log it follows."""

    def __init__(self, door: InternalDoor) -> None:
        self._door = door

    def __call__(self) -> Anchor | None:
        """None while it has followed nothing yet. Raises FeedUnavailable."""
        try:
            told = msgspec.json.decode(self._door.get("/internal/checkpoint", {}, CHECKPOINT_SECONDS_MAX), type=_Told)
        except msgspec.DecodeError as error:
            raise FeedUnavailable(f"the checkpoint cannot be read: {error}") from error
        return None if told.checkpoint is None else Anchor(follower=told.follower, checkpoint=told.checkpoint)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    follower: str
    checkpoint: Head | None


def _page(content: bytes) -> FeedPage:
    try:
        return msgspec.json.decode(content, type=FeedPage)
    except msgspec.DecodeError as error:
        raise FeedUnavailable(f"the feed's answer cannot be read: {error}") from error
