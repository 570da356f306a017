"""Some 600 schedules of what may befall a log, its bus and its followers: they always end equal to the log.

And on the way: wherever a follower says it stands, it holds exactly what the log meant there, never a mixture.
"""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from shared.eventsourcing.event_store import Head
from shared.gate.grants.grant import Snapshot
from shared.gate.grants.grants import Grants
from shared.gate.grants.replica import GrantsFollower
from shared.replication.feed import FeedUnavailable
from shared.replication.subscription import Subscription
from shared.runtime.clock import ManualClock
from tests import examples
from tests.histories import FaultyQueue, History

EMPTY = Snapshot(place=None, grants=(), tiers={}, policy={})


class Following:
    """One follower in memory, with its own queue. `begin` is where it gets its snapshot."""

    def __init__(self, history: History, clock: ManualClock, queue: FaultyQueue, begin: Callable[[], Snapshot]) -> None:
        self._history, self._clock, self._begin = history, clock, begin
        self.queue = queue
        self.start()

    def start(self) -> None:
        """A new process: whatever was in memory is gone."""
        self.grants = Grants()
        follower = GrantsFollower(self.grants, self._begin, distrust=lambda: None)
        self.subscription = Subscription(self._history.feed, follower, self._clock, gate="gate_1")
        with suppress(FeedUnavailable):
            self.subscription.restart()

    def place(self) -> Head | None:
        return self.grants.place

    def snapshot(self) -> Snapshot:
        grants, tiers = self.grants.state()
        return Snapshot(place=self.grants.place, grants=tuple(grants), tiers=dict(tiers), policy={})

    def hear(self) -> None:
        event = self.queue.take()
        if event is not None:
            with suppress(FeedUnavailable):
                self.subscription.push(event)

    def pull(self) -> None:
        with suppress(FeedUnavailable):
            self.subscription.pull()

    def assert_true_to(self, history: History) -> None:
        assert self.grants.state() == history.meant_by(self.place())
        assert not self.grants.unappliable


class World:
    """A log, auth, which follows it from its beginning, and a gate, which begins from auth's snapshot."""

    def __init__(self, seed: int, *, faults: bool = True) -> None:
        self.chance = random.Random(seed)
        self.clock = ManualClock(examples.NOON)
        self.history = History(self.chance, self.clock)
        self.auth = Following(self.history, self.clock, FaultyQueue(self.chance, faults=faults), lambda: EMPTY)
        self.gate = Following(
            self.history, self.clock, FaultyQueue(self.chance, faults=faults), lambda: self.auth.snapshot()
        )
        self.followers = (self.auth, self.gate)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step()
            for event in self.history.published:
                for follower in self.followers:
                    follower.queue.put(event)
            self.history.published.clear()
            for follower in self.followers:
                follower.assert_true_to(self.history)

    def step(self) -> None:
        follower = self.chance.choice(self.followers)
        step = self.chance.choices(
            [self.history.grow, follower.hear, follower.pull, self.toggle_feed, self.gate.start,
             self.history.restore, self.history.fail_over],
            [30, 40, 8, 5, 3, 2, 2],
        )[0]  # fmt: skip
        step()

    def toggle_feed(self) -> None:
        self.history.feed.is_away = not self.history.feed.is_away

    def assert_ends_equal_to_the_log(self) -> None:
        self.history.feed.is_away = False
        for follower in self.followers:
            follower.subscription.pull()
            follower.assert_true_to(self.history)
            head = self.history.head()
            assert follower.place() == head or (head.position == 0 and follower.place() is None)


@pytest.mark.parametrize("batch", range(3))
def test_followers_end_equal_to_the_log_whatever_happens_on_the_way(batch: int) -> None:
    for seed in range(batch * 200, (batch + 1) * 200):
        try:
            world = World(seed)
            world.run(steps=50)
            world.assert_ends_equal_to_the_log()
        except AssertionError as failure:
            raise AssertionError(f"seed {seed}") from failure


@pytest.mark.parametrize("seed", range(20))
def test_pushes_alone_are_enough_while_the_bus_is_true(seed: int) -> None:
    world = World(seed, faults=False)
    world.history.grow()
    world.assert_ends_equal_to_the_log()
    world.history.published.clear()
    world.history.feed.is_away = True
    for _ in range(30):
        world.history.grow()
    for event in world.history.published:
        for follower in world.followers:
            follower.subscription.push(event)
    for follower in world.followers:
        assert follower.place() == world.history.head()
        follower.assert_true_to(world.history)


@pytest.mark.parametrize("seed", range(20))
def test_pulls_alone_are_enough_without_a_bus(seed: int) -> None:
    world = World(seed)
    for _ in range(10):
        for _ in range(3):
            world.history.grow()
        world.assert_ends_equal_to_the_log()


def test_pushes_and_pulls_from_many_threads_leave_no_event_out_and_none_twice() -> None:
    """The real thing has a listener thread and a pulling thread on one subscription."""
    for seed in range(30):
        chance, clock = random.Random(seed), ManualClock(examples.NOON)
        history = History(chance, clock)
        gate = Following(history, clock, FaultyQueue(chance), lambda: EMPTY)
        for _ in range(40):
            history.grow()
        deliveries = [chance.sample(history.published, len(history.published)) for _ in range(2)]

        def push_all(events: list[object], gate: Following = gate) -> None:
            for event in events:
                gate.subscription.push(event)  # type: ignore[arg-type]

        with ThreadPoolExecutor(4) as pool:
            for work in [pool.submit(push_all, list(events)) for events in deliveries] + [
                pool.submit(gate.subscription.pull) for _ in range(5)
            ]:
                work.result()
        assert gate.place() == history.head()
        gate.assert_true_to(history)
