"""Pages by HTTP: larger for who is far behind, as long as they come quickly."""

import msgspec

from shared.eventsourcing.event_store import Head
from shared.replication.feed import PAGE_EVENTS, FeedUnavailable
from shared.replication.http_feed import PULL_SECONDS_MAX, HttpFeed
from shared.replication.internal_client import InternalClient
from shared.runtime.clock import ManualClock
from tests.gate_examples import NOW, MemoryLog, created

MOST = 4 * PAGE_EVENTS
QUICK, STEADY, SLOW = (part * PULL_SECONDS_MAX for part in (0.1, 0.3, 0.6))


class Door(InternalClient):
    """A log of `events`, each page of which takes `seconds`; None: it does not come."""

    def __init__(self, clock: ManualClock, events: int) -> None:
        self._clock, self._log = clock, MemoryLog(clock)
        self._log.append(*map(created, range(events)))
        self.head = self._log.head
        self.seconds: float | None = QUICK
        self.asked: list[int] = []

    def get_signed(self, path: str, query: dict[str, str], seconds_max: float) -> tuple[bytes, str | None]:
        self.asked.append(int(query["events"]))
        if self.seconds is None:
            raise FeedUnavailable("too late")
        self._clock.advance(self.seconds)
        after = self._log.events[int(query["after"]) - 1].place if "after" in query else None
        return msgspec.json.encode(self._log.pull(after, events_max=int(query["events"]))), None


def test_full_pages_that_come_quickly_grow_to_the_most_and_a_last_one_ends_it() -> None:
    clock = ManualClock(NOW)
    door = Door(clock, events=PAGE_EVENTS * 8)
    feed = HttpFeed(door, clock, events_max=MOST)
    place, lengths = None, []
    for _ in range(4):
        events = feed.pull(place).events
        place = events[-1].place if events else place
        lengths.append(len(events) // PAGE_EVENTS)
    assert lengths == [1, 4, 3, 0]
    assert door.asked == [PAGE_EVENTS, MOST, MOST, PAGE_EVENTS]


def test_after_a_page_that_came_slowly_or_not_at_all_they_stay_small_until_all_is_there() -> None:
    clock = ManualClock(NOW)
    door = Door(clock, events=PAGE_EVENTS * 8)
    feed = HttpFeed(door, clock, events_max=MOST)
    behind, head = None, door.head

    def asked_after(*pulls: tuple[Head | None, float | None]) -> list[int]:
        door.asked.clear()
        for place, seconds in pulls:
            door.seconds = seconds
            try:
                feed.pull(place)
            except FeedUnavailable:
                assert seconds is None
        return [events // PAGE_EVENTS for events in door.asked]

    for failing in (SLOW, None):
        assert asked_after((behind, STEADY), (behind, QUICK), (behind, STEADY), (behind, failing)) == [1, 1, 4, 4]
        assert asked_after((behind, QUICK), (behind, QUICK), (head, QUICK)) == [1, 1, 1]


def test_followers_that_do_not_ask_for_more_get_no_more() -> None:
    clock = ManualClock(NOW)
    door = Door(clock, events=PAGE_EVENTS * 2)
    feed = HttpFeed(door, clock)
    assert [len(feed.pull(None).events) for _ in range(3)] == [PAGE_EVENTS] * 3
