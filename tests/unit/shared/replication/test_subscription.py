"""How one event, or one page, is taken: applied, ignored, or the reason to ask the log; and nothing on trust."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from msgspec import structs

from services.keys import events
from services.keys.publication import publish
from shared.contracts.envelope import CloudEvent
from shared.eventsourcing.epochs import Epochs
from shared.eventsourcing.event_store import Head, MemoryEventStore
from shared.replication.envelopes import Envelopes
from shared.replication.feed import PAGE_EVENTS, Acknowledgement, FeedPage, FeedUnavailable
from shared.replication.heads.held_heads import HeldHead
from shared.replication.subscription import Outcome, Subscription
from shared.runtime.clock import ManualClock
from tests import examples
from tests.memory_feed import MemoryFeed


class Notebook:
    """A follower that notes down what it applies. While `is_broken` its transactions fail."""

    def __init__(self) -> None:
        self.noted: list[int] = []
        self.place: Head | None = None
        self.restarts, self.is_broken, self.looks = 0, False, 0

    def checkpoint(self) -> Head | None:
        self.looks += 1
        return self.place

    def apply(self, events: Sequence[CloudEvent]) -> None:
        if self.is_broken:
            raise ZeroDivisionError
        self.noted += [event.position for event in events]
        self.place = events[-1].place

    def restart(self) -> None:
        self.noted, self.place = [], None
        self.restarts += 1


class Log:
    """Five events of five keys, their feed, and their envelopes as a bus would bring them."""

    def __init__(self, epoch: str = "epoch 1", count: int = 5, name: str = "key") -> None:
        self.acknowledged: list[int] = []
        self.clock = ManualClock(examples.NOON)
        self.store = MemoryEventStore(epoch)
        for number in range(1, count + 1):
            self.append(f"{name}_{number}")
        publication = Envelopes("keys", events.types, publish)
        self.feed = MemoryFeed(self.store, publication, self.clock, self._acknowledge)
        with self.store.reading() as tx:
            self.head, rows = self.store.head(tx), self.store.after(tx, 0, count)
            genesis = self.store.hash_at(tx, 0)
        self.envelopes = dict(enumerate(publication.envelopes(rows, Epochs(first=epoch), genesis), start=1))

    def append(self, key_id: str) -> None:
        event = events.types.encode(examples.key_created(key_id=key_id))
        with self.store.transaction() as tx:
            self.store.append(tx, key_id, 0, [event], "{}", "2026-11-23T12:00:00.000000Z")

    def _acknowledge(self, acknowledgement: Acknowledgement, _account: str | None) -> None:
        assert acknowledgement.gate == "gate_1"
        self.acknowledged.append(acknowledgement.position)


class Answering:
    """A feed that gives the very pages it is told to, one after another, and the last one for ever."""

    def __init__(self, *pages: FeedPage) -> None:
        self._pages = list(pages)

    def pull(
        self, after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        return self._pages.pop(0) if len(self._pages) > 1 else self._pages[0]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def subscription(log: Log, notebook: Notebook) -> Subscription:
    """Stands at position 2, and can ask nobody."""
    notebook.apply([log.envelopes[1], log.envelopes[2]])
    log.feed.is_away = True
    return Subscription(log.feed, notebook, log.clock)


def test_the_event_that_comes_next_is_applied_without_asking_anybody(
    subscription: Subscription, log: Log, notebook: Notebook
) -> None:
    assert subscription.push(log.envelopes[3]) is Outcome.APPLIED
    assert notebook.noted == [1, 2, 3]
    assert notebook.place == log.envelopes[3].place


def test_pushes_that_follow_one_another_look_at_the_follower_once_and_again_after_a_pull(
    subscription: Subscription, log: Log, notebook: Notebook
) -> None:
    subscription.push(log.envelopes[3])
    assert subscription.push(log.envelopes[3]) is Outcome.IGNORED
    assert subscription.push_all([log.envelopes[4], log.envelopes[3]]) is Outcome.APPLIED
    assert notebook.looks == 1
    log.feed.is_away = False
    subscription.pull()
    looks = notebook.looks
    assert subscription.push(log.envelopes[5]) is Outcome.IGNORED
    assert notebook.looks == looks + 1


def test_a_push_beyond_what_another_instance_has_applied_goes_on_from_there(
    subscription: Subscription, log: Log, notebook: Notebook
) -> None:
    subscription.push(log.envelopes[3])
    notebook.apply([log.envelopes[4]])
    assert subscription.push(log.envelopes[5]) is Outcome.APPLIED
    assert notebook.noted == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("position", [1, 2])
def test_an_event_from_before_is_ignored_however_often_it_comes(
    subscription: Subscription, log: Log, notebook: Notebook, position: int
) -> None:
    assert subscription.push(log.envelopes[position]) is Outcome.IGNORED
    # An earlier release's relay did not say after which row an event comes.
    assert subscription.push(structs.replace(log.envelopes[position], previous=None)) is Outcome.IGNORED
    assert notebook.noted == [1, 2]


def test_an_event_from_further_on_makes_the_missing_ones_be_pulled_first(
    subscription: Subscription, log: Log, notebook: Notebook
) -> None:
    with pytest.raises(FeedUnavailable):
        subscription.push(log.envelopes[5])
    assert notebook.noted == [1, 2]
    log.feed.is_away = False
    assert subscription.push(log.envelopes[5]) is Outcome.PULLED
    assert notebook.noted == [1, 2, 3, 4, 5]


def test_a_follower_that_stands_nowhere_yet_pulls_from_the_beginning(log: Log, notebook: Notebook) -> None:
    assert Subscription(log.feed, notebook, log.clock).push(log.envelopes[2]) is Outcome.PULLED
    assert notebook.noted == [1, 2, 3, 4, 5]


def test_the_first_event_of_all_needs_no_pull(log: Log, notebook: Notebook) -> None:
    log.feed.is_away = True
    assert Subscription(log.feed, notebook, log.clock).push(log.envelopes[1]) is Outcome.APPLIED
    assert notebook.noted == [1]


@pytest.mark.parametrize(
    ("other", "pushed"),
    [
        (Log(epoch="epoch 2"), 3),  # restored, and it says so
        (Log(epoch="epoch 2"), 1),
        (Log(name="other"), 3),  # failed over: the epoch is the same, the history is not
        (Log(name="other"), 4),
    ],
)
def test_an_event_of_another_history_is_never_put_on_top_of_this_one(
    subscription: Subscription, log: Log, notebook: Notebook, other: Log, pushed: int
) -> None:
    log.feed.store, log.feed.is_away = other.store, False
    assert subscription.push(other.envelopes[pushed]) is Outcome.PULLED
    assert (notebook.restarts, notebook.noted, notebook.place) == (1, [1, 2, 3, 4, 5], other.head)


@pytest.mark.parametrize("other", [Log(epoch="epoch 2"), Log(name="other"), Log(count=1)])
def test_a_pull_from_a_place_that_the_log_does_not_know_starts_anew(
    subscription: Subscription, log: Log, notebook: Notebook, other: Log
) -> None:
    log.feed.store, log.feed.is_away = other.store, False
    assert subscription.pull().head == other.head
    assert (notebook.restarts, notebook.place) == (1, other.head)


def test_a_snapshot_of_another_log_than_the_feed_s_is_not_asked_for_again_and_again(log: Log) -> None:
    class Stubborn(Notebook):
        def restart(self) -> None:
            self.restarts += 1

    notebook = Stubborn()
    notebook.apply([Log(epoch="epoch 2").envelopes[1]])
    with pytest.raises(FeedUnavailable, match="another log"):
        Subscription(log.feed, notebook, log.clock).pull()
    assert notebook.restarts == 1


def test_a_pull_takes_page_after_page_up_to_the_head(notebook: Notebook) -> None:
    log = Log(count=2 * PAGE_EVENTS + 1)
    caught_up = Subscription(log.feed, notebook, log.clock).pull()
    assert (caught_up.head, notebook.place) == (log.head, log.head)
    assert notebook.noted == list(range(1, 2 * PAGE_EVENTS + 2))


@pytest.mark.parametrize("gate", [None, "gate_1"])
@pytest.mark.parametrize(
    "answer",
    [
        lambda log, page: replace(page, events=page.events[1:]),
        lambda log, page: replace(page, events=(log.envelopes[2], *page.events)),
        lambda log, page: replace(page, events=(page.events[0], page.events[2])),
        lambda log, page: replace(page, events=(page.events[0], page.events[0])),
        lambda log, page: replace(page, events=(page.events[1], page.events[0])),
        lambda log, page: replace(page, events=(page.events[0], Log(epoch="epoch 2").envelopes[4])),
        lambda log, page: replace(page, events=(Log(name="other").envelopes[3],)),
        lambda log, page: replace(page, events=()),
    ],
    ids=["too far on", "too far back", "a hole", "twice", "reversed", "mixed epochs", "another history", "withheld"],
)
def test_a_feed_that_answers_from_the_wrong_place_is_not_believed(
    log: Log, notebook: Notebook, answer: Callable[[Log, FeedPage], FeedPage], gate: str | None
) -> None:
    """Least of all as proof of how things stand: there is no CaughtUp, and so no fresh gate, from such a page."""
    notebook.apply([log.envelopes[1], log.envelopes[2]])
    page = answer(log, log.feed.pull(notebook.place))
    with pytest.raises(FeedUnavailable):
        Subscription(Answering(page), notebook, log.clock, gate=gate).pull()
    assert notebook.noted == [1, 2]


def test_a_transaction_that_fails_leaves_the_place_where_it_was_and_loses_nothing(
    subscription: Subscription, log: Log, notebook: Notebook
) -> None:
    log.feed.is_away, notebook.is_broken = False, True
    for attempt in (lambda: subscription.push(log.envelopes[3]), subscription.pull):
        with pytest.raises(ZeroDivisionError):
            attempt()
    assert notebook.place == log.envelopes[2].place
    notebook.is_broken = False
    subscription.pull()
    assert notebook.noted == [1, 2, 3, 4, 5]


def test_a_gate_that_applied_something_asks_at_once_again_so_that_the_log_learns_of_it(
    log: Log, notebook: Notebook
) -> None:
    gate = Subscription(log.feed, notebook, log.clock, gate="gate_1")
    gate.pull()
    assert log.acknowledged == [0, 5]
    gate.pull()
    assert log.acknowledged == [0, 5, 5]


def test_whoever_is_no_gate_acknowledges_nothing_and_asks_once(log: Log, notebook: Notebook) -> None:
    Subscription(log.feed, notebook, log.clock).pull()
    assert log.acknowledged == []


def test_a_pull_dates_from_before_its_last_question(log: Log, notebook: Notebook) -> None:
    """Whatever the answer took to come, it proves nothing later than the moment of asking."""

    class Slow(MemoryFeed):
        def pull(
            self, after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
        ) -> FeedPage:
            page = super().pull(after, acknowledgement, held)
            log.clock.advance(3)
            return page

    began = log.clock.elapsed_seconds()
    feed = Slow(log.store, Envelopes("keys", events.types, publish), log.clock)
    assert Subscription(feed, notebook, log.clock, gate="gate_1").pull().sent_at == began + 3
    assert Subscription(feed, notebook, log.clock, gate="gate_1").pull().sent_at == began + 6


def test_a_log_that_grows_while_it_is_pulled_is_pulled_to_the_head_of_the_last_answer(
    log: Log, notebook: Notebook
) -> None:
    class Growing(MemoryFeed):
        left = 3

        def pull(
            self, after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
        ) -> FeedPage:
            page = super().pull(after, acknowledgement, held)
            if self.left:
                self.left -= 1
                log.append(f"key_later_{self.left}")
            return page

    feed = Growing(log.store, Envelopes("keys", events.types, publish), log.clock)
    caught_up = Subscription(feed, notebook, log.clock, gate="gate_1").pull()
    assert caught_up.head == notebook.place
    assert notebook.noted == [1, 2, 3, 4, 5, 6, 7, 8]
