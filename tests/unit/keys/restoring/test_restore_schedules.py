"""Schedules of what may befall a log, its bus and its followers, with restores among it: from the moment a follower
names a head that is gone nobody goes by the log, until that is accepted; and without a restore that never happens.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.keys.restoring.losses import SeenHead, losses
from shared.eventsourcing.continuation import Continuation, judge
from shared.eventsourcing.event_store import Head
from shared.gate.grants.grant import Snapshot
from shared.gate.grants.grants import Grants
from shared.gate.grants.replica import GrantsFollower
from shared.replication.feed import FeedDiverged, FeedUnavailable
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.signatures import Signer, new_private_key
from shared.replication.proof.signed_heads import SignedHead
from shared.replication.subscription import Subscription
from shared.runtime.clock import ManualClock
from tests import examples
from tests.histories import FaultyQueue, History

EMPTY = Snapshot(place=None, grants=(), tiers={}, policy={})
SIGNER = Signer(new_private_key())


class Following:
    """A follower with the heads that it keeps. Auth's are kept through every start, a gate's are gone with it."""

    def __init__(self, name: str, world: "World", begin: Callable[[], Snapshot]) -> None:
        self._name, self._world, self._begin = name, world, begin
        self.queue = FaultyQueue(world.chance)
        self.kept: list[SignedHead] = []
        self.told_diverged, self.pulls = False, 0
        self.start()

    def start(self) -> None:
        """A new process, whose grants are begun anew."""
        self.grants = Grants()
        if self._name != "auth":
            self.kept = []
        follower = GrantsFollower(self.grants, self._begin, distrust=lambda: None)
        gate = None if self._name == "auth" else self._name
        feed, clock = self._world.history.feed, self._world.clock
        self._subscription = Subscription(feed, follower, clock, gate=gate, held=self.held)
        with suppress(FeedUnavailable):
            self._subscription.restart()

    def held(self) -> HeldHead | None:
        return HeldHead(follower=self._name, head=self.kept[-1]) if self.kept else None

    def snapshot(self) -> Snapshot:
        grants, tiers = self.grants.state()
        return Snapshot(place=self.grants.place, grants=tuple(grants), tiers=dict(tiers), policy={})

    def hear(self) -> None:
        event = self.queue.take()
        if event is not None:
            with suppress(FeedUnavailable):
                self._subscription.push(event)

    def pull(self) -> None:
        self.pulls += 1
        try:
            signed = self._subscription.pull().signed_head
        except FeedDiverged:
            self.told_diverged = True
        except FeedUnavailable:
            self.told_diverged = False
        else:
            self.told_diverged = False
            assert signed is not None
            self.kept.append(signed)

    def lose_a_head(self) -> None:
        """A crash may set its database back."""
        if self.kept:
            self.kept.pop()


class World:
    def __init__(self, seed: int) -> None:
        self.chance, self.clock = random.Random(seed), ManualClock(examples.NOON)
        self.history = History(self.chance, self.clock, SIGNER)
        self.auth = Following("auth", self, lambda: EMPTY)
        self.gates = [Following(f"gate_{number}", self, self.auth.snapshot) for number in (1, 2)]
        self.followers = (self.auth, *self.gates)

    @property
    def has_diverged(self) -> bool:
        return self.history.feed.divergence is not None

    def step(self, name: str) -> None:
        follower = self.chance.choice(self.followers)
        {
            "grow": self.grow,
            "hear": follower.hear,
            "pull": follower.pull,
            "start": self.chance.choice(self.gates).start,
            "crash": self.auth.lose_a_head,
            "away": self.toggle_feed,
            "put back": self.history.put_back,
            "accept": self.accept,
        }[name]()
        self.clock.advance(1)

    def grow(self) -> None:
        if self.has_diverged:
            return  # nothing is appended (tests/integration/keys/restoring)
        self.history.grow()
        for event in self.history.published:
            for follower in self.followers:
                follower.queue.put(event)
        self.history.published.clear()

    def toggle_feed(self) -> None:
        self.history.feed.is_away = not self.history.feed.is_away

    def accept(self) -> None:
        lost = losses(self.history.head(), list(self.seen()))
        if lost is not None:
            self.history.accept(lost.newest.epoch, lost.other_epochs, lost.common_position)

    def seen(self) -> Iterator[SeenHead]:
        recorded = self.history.feed.divergence
        kept = [head for follower in self.followers for head in follower.kept]
        for head in (*kept, *([] if recorded is None else [recorded])):
            yield SeenHead(follower="a follower", head=head, continuation=self.continuation(head.head))

    def continuation(self, head: Head) -> Continuation:
        store = self.history.feed.store
        with store.reading() as tx:
            return judge(head, store.epochs(tx), store.hash_at(tx, head.position), lambda _: True)

    def assert_followers_are_true(self) -> None:
        """Wherever a follower stands it holds what the log meant there, never a mixture of two."""
        for follower in self.followers:
            assert follower.grants.state() == self.history.meant_by(follower.grants.place)

    def assert_ends_equal_to_the_log(self) -> None:
        self.history.feed.is_away = False
        for _ in range(3):
            for follower in self.followers:
                follower.pull()
        for follower in self.followers:
            assert not follower.told_diverged
            head = self.history.head()
            assert follower.grants.place == head or head.position == 0
            assert follower.grants.state() == self.history.meant_by(follower.grants.place)


ORDINARY = ["grow", "hear", "pull", "start", "crash", "away"]
seeds = st.integers(0, 2**32)


def steps_of(names: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), max_size=60)


@settings(deadline=None, max_examples=150)
@given(seeds, steps_of(["grow", "grow", "hear", "hear", "pull", *ORDINARY]))
def test_ordinary_life_never_shows_a_divergence(seed: int, steps: list[str]) -> None:
    world = World(seed)
    for step in steps:
        world.step(step)
        assert not world.has_diverged
    world.assert_ends_equal_to_the_log()


@settings(deadline=None, max_examples=250)
@given(seeds, steps_of(["grow", "grow", "grow", "pull", "pull", *ORDINARY, "put back", "accept"]))
def test_whoever_holds_a_head_that_is_gone_stops_all_until_it_is_accepted(seed: int, steps: list[str]) -> None:
    world = World(seed)
    for step in steps:
        was_away = world.history.feed.is_away
        holding = {each: each.pulls for each in world.followers if each.kept and lost(world, each.kept[-1])}
        world.step(step)
        if step == "pull" and not was_away:
            pulled = [each for each, pulls in holding.items() if each.pulls > pulls]
            assert all(each.told_diverged for each in pulled)
            assert not pulled or world.has_diverged
        world.assert_followers_are_true()
    world.history.feed.is_away = False
    for follower in world.followers:
        is_lost = bool(follower.kept) and lost(world, follower.kept[-1])
        follower.pull()
        assert follower.told_diverged == world.has_diverged
        assert follower.told_diverged or not is_lost
    world.accept()
    world.assert_ends_equal_to_the_log()


def lost(world: World, head: SignedHead) -> bool:
    return world.continuation(head.head) is Continuation.DIVERGED


@pytest.mark.parametrize("seed", range(20))
def test_a_second_restore_to_before_the_first_was_accepted_is_noticed_and_accepted_too(seed: int) -> None:
    world = World(seed)
    for _ in range(8):
        world.grow()
    world.assert_ends_equal_to_the_log()
    for _ in range(2):
        while not any(lost(world, each.kept[-1]) for each in world.followers):
            world.history.put_back()
        for follower in world.followers:
            follower.pull()
            assert follower.told_diverged
        world.accept()
        for _ in range(4):
            world.grow()
        world.assert_ends_equal_to_the_log()
