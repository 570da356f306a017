"""Schedules of a bus that loses, repeats, reorders and is written to by a forger: followers stay true to the log.

What is applied is genuine at every step; what is forged asks for no pull; and after a pull everything is there.
"""

import json
import random
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from shared.contracts.envelope import CloudEvent
from shared.eventsourcing.event_store import Head
from shared.gate.grants.grant import Snapshot
from shared.gate.grants.grants import Grants
from shared.gate.grants.replica import GrantsFollower
from shared.replication.feed import Acknowledgement, FeedPage, FeedUnavailable
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.push_proof import PushProof
from shared.replication.proof.signatures import Signer, Verifier, new_private_key
from shared.replication.proof.signed_pushes import BEFORE, SIGNATURE, bodies
from shared.replication.subscription import Subscription
from shared.runtime.clock import ManualClock
from tests import examples
from tests.histories import History

KEYS, FORGER = Signer(new_private_key()), Signer(new_private_key())
EMPTY = Snapshot(place=None, grants=(), tiers={}, policy={})
Body = dict[str, Any]


class World:
    """A log, a bus, a forger who hears all of it and writes to it, and a gate that believes keys."""

    def __init__(self, seed: int, *, is_true: bool = False) -> None:
        self.chance, self._is_true = random.Random(seed), is_true
        self.clock = ManualClock(examples.NOON)
        self.history = History(self.chance, self.clock)
        self.grants, self.pulls = Grants(), 0
        follower = GrantsFollower(self.grants, lambda: EMPTY, distrust=lambda: None)
        self.subscription = Subscription(self, follower, self.clock, gate="gate_1")
        self.proof = PushProof(Verifier([KEYS.public_key]), self.clock)
        self.queue: list[Body] = []
        self.heard_by_forger: list[Body] = []

    def pull(
        self, after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        """The feed's, counted. Over its proof, see the tests of pulls."""
        self.pulls += 1
        return self.history.feed.pull(after, acknowledgement, held)

    def publish(self) -> None:
        for _ in range(self.chance.randint(1, 5)):
            self.history.grow()
        page = [json.loads(msgspec.json.encode(body)) for body in bodies(self.history.published, KEYS)]
        self.history.published.clear()
        self.heard_by_forger += page
        for body in page:
            self.queue += [body] * (1 if self._is_true else self.chance.choices([0, 1, 2], [25, 60, 15])[0])

    def forge(self) -> None:
        head = self.history.head()
        position = head.position + self.chance.choice((1, 1, 2, 7))
        key = examples.key_created(key_id="key_forged", organisation_id="org_forged", digest="forged")
        invented = CloudEvent(
            id="forged",
            source="/grillo/keys",
            type="KeyCreated",
            time=examples.NOON,
            subject="key_forged",
            epoch=self.chance.choice((head.epoch, "another")),
            position=position,
            hash="forged",
            previous=self.chance.choice((None, head.hash)),
            data=msgspec.to_builtins(key),
        )
        (signed,) = bodies([invented], FORGER)
        recorded = self.chance.choice(self.heard_by_forger or [signed])
        self.queue.insert(
            self.chance.randint(0, len(self.queue)),
            self.chance.choice(
                (
                    signed,
                    {name: value for name, value in signed.items() if name not in (BEFORE, SIGNATURE)},
                    signed | {BEFORE: recorded[BEFORE], SIGNATURE: recorded.get(SIGNATURE)},
                    recorded | {"position": position, "hash": "forged"},
                    {name: value for name, value in signed.items() if name != SIGNATURE},
                )
            ),
        )

    def hear(self) -> None:
        if not self.queue:
            return
        is_reordered = not self._is_true and self.chance.random() < 0.3
        body = self.queue.pop(self.chance.randrange(len(self.queue)) if is_reordered else 0)
        if events := self.proof.take(body):
            with suppress(FeedUnavailable):
                self.subscription.push_all(events)

    def assert_true(self) -> None:
        assert self.grants.state() == self.history.meant_by(self.grants.place)
        assert not self.grants.unappliable


@pytest.mark.parametrize("batch", range(3))
def test_only_what_keys_wrote_is_applied_and_after_a_pull_all_of_it(batch: int) -> None:
    for seed in range(batch * 20, (batch + 1) * 20):
        world = World(seed)
        for _ in range(50):
            world.chance.choices([world.publish, world.forge, world.hear, world.subscription.pull], [15, 25, 50, 3])[
                0
            ]()
            world.assert_true()
        world.subscription.pull()
        world.assert_true()
        assert world.grants.place == world.history.head(), f"seed {seed}"


@pytest.mark.parametrize("seed", range(8))
def test_in_a_true_bus_pushes_are_enough_and_forgeries_among_them_make_nobody_pull(seed: int) -> None:
    world = World(seed, is_true=True)
    world.publish()
    world.subscription.pull()
    world.pulls = 0
    for _ in range(60):
        world.chance.choices([world.publish, world.forge, world.hear], [10, 20, 70])[0]()
    while world.queue:
        world.hear()
    assert (world.grants.place, world.pulls) == (world.history.head(), 0)
    world.assert_true()


def test_forgeries_alone_change_nothing_and_ask_nobody() -> None:
    world = World(0)
    world.publish()
    world.queue.clear()
    world.subscription.pull()
    before, world.pulls = (world.grants.place, world.grants.state()), 0
    for _ in range(500):
        world.forge()
        world.hear()
    assert ((world.grants.place, world.grants.state()), world.pulls) == (before, 0)
