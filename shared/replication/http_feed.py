"""HTTP client of another service's feed; and a failover, which asks one feed after another until one answers."""

from collections.abc import Sequence

import msgspec
import structlog

from shared.eventsourcing.audit import Anchor
from shared.eventsourcing.event_store import Head
from shared.replication.feed import PAGE_EVENTS, Acknowledgement, Feed, FeedPage, FeedUnavailable
from shared.replication.heads.held_heads import HeldHead
from shared.replication.internal_client import InternalClient
from shared.replication.proof.signatures import Verifier
from shared.replication.proof.signed_pages import new_nonce, question, require_proof
from shared.runtime.clock import Clock

PULL_SECONDS_MAX = 0.5
# A full page within _QUICK_SECONDS is followed by one _GROWTH times larger; after one that took _SLOW_SECONDS or longer
# pages are small again, for the next may time out.
_QUICK_SECONDS, _GROWTH = PULL_SECONDS_MAX / 6, 4
_SLOW_SECONDS = PULL_SECONDS_MAX / 2
ANCHORS_SECONDS_MAX = 30.0
_log = structlog.get_logger(__name__)


class HttpFeed:
    """Pulls over HTTP. After full pages that came quickly it asks for larger ones, to catch up three times as fast.

    A page must arrive whole within PULL_SECONDS_MAX. After one that came late or never, pages stay small until one is
    not full.
    """

    def __init__(
        self,
        client: InternalClient,
        clock: Clock,
        *,
        events_max: int = PAGE_EVENTS,
        verifier: Verifier | None = None,
    ) -> None:
        """`events_max`: the largest page to ask for. `verifier`: whose answers count; None: anybody's."""
        self._client, self._clock, self._events_max, self._verifier = client, clock, events_max, verifier
        self._events, self._may_grow = PAGE_EVENTS, True

    def pull(
        self, after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        """Not to be called by two threads at once. Raises FeedUnavailable."""
        events, may_grow = self._events, self._may_grow
        self._events, self._may_grow = PAGE_EVENTS, False  # in case this pull fails
        began = self._clock.elapsed_seconds()
        page = self._ask(after, acknowledgement, held, events)
        seconds = self._clock.elapsed_seconds() - began
        if len(page.events) < events:
            self._may_grow = True
        elif seconds < _SLOW_SECONDS:
            grows = may_grow and seconds < _QUICK_SECONDS
            self._events, self._may_grow = min(_GROWTH * events, self._events_max) if grows else events, may_grow
        return page

    def _ask(
        self, after: Head | None, acknowledgement: Acknowledgement | None, held: HeldHead | None, events: int
    ) -> FeedPage:
        query = {"events": str(events)}
        if after is not None:
            query |= {"epoch": after.epoch, "after": str(after.position), "hash": after.hash}
        if acknowledgement is not None:
            query["gate"] = acknowledgement.gate
        if held is not None:
            query |= {"follower": held.follower}
            query |= {} if held.head is None else {"held": msgspec.json.encode(held.head).decode()}
            query |= {} if held.lost is None else {"lost": held.lost}
        asked = question(new_nonce(), after, acknowledgement)
        if self._verifier is not None:
            query["nonce"] = asked.nonce
        page, signature = self._client.get_signed("/internal/feed", query, PULL_SECONDS_MAX)
        if self._verifier is not None:
            require_proof(self._verifier, asked, page, signature)
        return _page(page)

    def leave(self, gate: str) -> None:
        """Removes a gate that stops cleanly, so that no revocation waits for it. Raises FeedUnavailable."""
        self._client.delete(f"/internal/gates/{gate}", PULL_SECONDS_MAX)


class FirstAnswer:
    """Asks one feed after the other until one answers."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._feeds = feeds

    def pull(
        self, after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        """Raises the last feed's FeedUnavailable."""
        *others, last = self._feeds
        for feed in others:
            try:
                return feed.pull(after, acknowledgement, held)
            except FeedUnavailable as error:
                _log.warning("feed_did_not_answer", detail=str(error))
        return last.pull(after, acknowledgement, held)


def remote_anchors(client: InternalClient, of: str = "") -> tuple[Anchor, ...]:
    """What another service remembers of the log that it follows; `of`: "/sensors", of that one. FeedUnavailable."""
    path = f"/internal/anchors{of}"
    try:
        return msgspec.json.decode(client.get(path, {}, ANCHORS_SECONDS_MAX), type=tuple[Anchor, ...])
    except msgspec.DecodeError as error:
        raise FeedUnavailable(f"what it remembers cannot be read: {error}") from error


def _page(content: bytes) -> FeedPage:
    try:
        return msgspec.json.decode(content, type=FeedPage)
    except msgspec.DecodeError as error:
        raise FeedUnavailable(f"the feed's answer cannot be read: {error}") from error
