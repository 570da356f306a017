"""The fault schedules once more, with the projections that services keep in their databases, and handlers that fail."""

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from services.auth import assembly as auth
from services.auth import grants
from services.auth import tables as auth_tables
from services.auth.grants import GrantBook
from services.auth.tier_limits import TIERS
from services.usage import assembly as usage
from services.usage import key_events
from services.usage import tables as usage_tables
from shared.contracts.envelope import CloudEvent
from shared.gate.grants.grant import Grant
from shared.replication.feed import FeedUnavailable
from shared.replication.sql_follower import SqlFollower
from shared.replication.subscription import Subscription
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests import examples
from tests.histories import FaultyQueue, History, held
from tests.service_database import migrated

Handler = Callable[[Connection, CloudEvent], None]


class World:
    """Auth and usage follow a log of keys. Now and then their handlers fail, until `are_well`."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.chance, self.clock = random.Random(seed), ManualClock(examples.NOON)
        self.history = History(self.chance, self.clock)
        self.are_well = False
        self.auth, self.usage = (
            Database.sqlite(folder / f"auth-{seed}.db"),
            Database.sqlite(folder / f"usage-{seed}.db"),
        )
        migrated(self.auth, auth.MIGRATIONS)
        migrated(self.usage, usage.MIGRATIONS)
        self.book = GrantBook(self.auth, TIERS)
        self.followers = (
            self._follow(self.auth, auth_tables, grants.FOLLOWER, grants.apply, grants.reset),
            self._follow(self.usage, usage_tables, key_events.FOLLOWER, key_events.apply, key_events.reset),
        )

    def close(self) -> None:
        self.auth.close()
        self.usage.close()

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step()
            for event in self.history.published:
                for _, _, queue in self.followers:
                    queue.put(event)
            self.history.published.clear()

    def step(self) -> None:
        follower, subscription, queue = self.chance.choice(self.followers)
        event = queue.take() if self.chance.random() < 0.5 else None
        with suppress(FeedUnavailable):
            if event is not None:
                subscription.push(event)
                return
            self.chance.choices(
                [self.history.grow, subscription.pull, lambda: self._wait(follower), self._toggle_feed,
                 self.history.restore, self.history.fail_over],
                [30, 6, 6, 4, 1, 1],
            )[0]()  # fmt: skip

    def settle(self) -> None:
        """Everything is well again, and enough time goes by; the rest is left to a person."""
        self.are_well, self.history.feed.is_away = True, False
        for follower, subscription, _ in self.followers:
            subscription.pull()
            self.clock.advance(1_000_000)
            follower.retry_due()
            for parked in follower.parked():
                follower.replay(parked.stream)
            assert follower.parked() == ()

    def assert_nobody_waits_but_the_parked(self) -> None:
        """Whatever is not parked stands exactly as the log meant it at the follower's place."""
        snapshot = self.book.snapshot()
        standing, standing_tiers = held(snapshot).state()
        meant, tiers = self.history.meant_by(snapshot.place)
        parked = set(snapshot.unappliable)
        assert _without(parked, standing) == _without(parked, meant)
        assert {pair for pair in standing_tiers if pair[0] not in parked} == {
            pair for pair in tiers if pair[0] not in parked
        }

    def assert_equal_to_the_log(self) -> None:
        meant, tiers = self.history.meant_by(self.history.head())
        assert held(self.book.snapshot()).state() == (meant, tiers)
        with self.usage.reading() as tx:
            known = set(tx.execute(select(usage_tables.known_key.c.key_id)).scalars())
        assert known == {grant.key_id for grant in meant if isinstance(grant, Grant)}

    def _follow(
        self, database: Database, tables: object, name: str, handle: Handler, reset: Callable[[Connection], None]
    ) -> tuple[SqlFollower, Subscription, FaultyQueue]:
        def fails_at_times(tx: Connection, event: CloudEvent) -> None:
            handle(tx, event)
            if not self.are_well and self.chance.random() < 0.1:
                raise ZeroDivisionError

        follower = SqlFollower(name, database, tables.metadata, fails_at_times, reset, self.clock)  # type: ignore[attr-defined]  # a module
        return follower, Subscription(self.history.feed, follower, self.clock), FaultyQueue(self.chance)

    def _wait(self, follower: SqlFollower) -> None:
        self.clock.advance(self.chance.choice([0.5, 1, 5, 60]))
        follower.retry_due()

    def _toggle_feed(self) -> None:
        self.history.feed.is_away = not self.history.feed.is_away


def _without(parked: set[str], grants: object) -> set[Grant]:
    assert isinstance(grants, frozenset | tuple)
    return {grant for grant in grants if grant.key_id not in parked}


@pytest.mark.parametrize("seed", range(60))
def test_services_end_equal_to_the_log_whatever_happens_on_the_way(seed: int, tmp_path: Path) -> None:
    world = World(seed, tmp_path)
    for _ in range(10):
        world.run(steps=6)
        world.assert_nobody_waits_but_the_parked()
    world.settle()
    world.assert_equal_to_the_log()
    world.close()
