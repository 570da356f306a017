"""The fault schedules once more, with the projections that services keep in their databases, and handlers that fail."""

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, select

from services.auth import assembly as auth
from services.auth import grants
from services.auth import tables as auth_tables
from services.auth.assembly import GrantsSubscription
from services.auth.dead_secrets import dead_secret_store
from services.auth.grants import GrantBook, NotCaughtUp
from services.auth.tier_limits import TIERS
from services.usage import assembly as usage
from services.usage import key_events
from services.usage import tables as usage_tables
from shared.contracts.envelope import CloudEvent
from shared.eventsourcing.event_store import Head
from shared.gate.grants.grant import Grant, Status
from shared.replication.feed import FeedUnavailable
from shared.replication.sql_follower import SqlFollower
from shared.replication.subscription import Subscription
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests import examples
from tests.histories import FaultyQueue, History, State, held
from tests.service_database import migrated

Handler = Callable[[Connection, CloudEvent], None]


class World:
    """Auth and usage follow a log of keys. Now and then their handlers fail, until `are_well`."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.chance, self.clock = random.Random(seed), ManualClock(examples.NOON)
        self.history = History(self.chance, self.clock)
        self.are_well, self.revoked = False, set[str]()
        self.auth, self.usage = (
            Database.sqlite(folder / f"auth-{seed}.db"),
            Database.sqlite(folder / f"usage-{seed}.db"),
        )
        migrated(self.auth, auth.MIGRATIONS)
        migrated(self.usage, usage.MIGRATIONS)
        self.book = GrantBook(self.auth, TIERS)
        of_auth = self._follower(self.auth, auth_tables, grants.FOLLOWER, grants.apply, grants.reset)
        of_usage = self._follower(self.usage, usage_tables, key_events.FOLLOWER, key_events.apply, key_events.reset)
        feed = self.history.feed
        self.followers: tuple[tuple[SqlFollower, Subscription, FaultyQueue], ...] = (
            (of_auth, GrantsSubscription(self.auth, feed, of_auth, self.clock), FaultyQueue(self.chance)),
            (of_usage, Subscription(feed, of_usage, self.clock), FaultyQueue(self.chance)),
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
        """Whatever is not parked stands exactly as the log meant it at the follower's place; or it is not given out."""
        try:
            snapshot = self.book.snapshot()
        except NotCaughtUp:
            return
        standing, standing_tiers = held(snapshot).state()
        meant, tiers = self.meant_by(snapshot.place)
        parked = set(snapshot.unappliable)
        assert _without(parked, standing) == _without(parked, meant)
        assert {pair for pair in standing_tiers if pair[0] not in parked} == {
            pair for pair in tiers if pair[0] not in parked
        }

    def assert_equal_to_the_log(self) -> None:
        meant, tiers = self.meant_by(self.history.head())
        assert held(self.book.snapshot()).state() == (meant, tiers)
        with self.usage.reading() as tx:
            known = set(tx.execute(select(usage_tables.known_key.c.key_id)).scalars())
        assert known == {grant.key_id for grant in meant if isinstance(grant, Grant)}

    def meant_by(self, place: Head | None) -> State:
        """What the log says there, but for keys whose revocation it has lost: auth has seen it, and keeps it."""
        meant, tiers = self.history.meant_by(place)
        with self.auth.reading() as tx:
            revoked = {one.key_id for one in dead_secret_store.page(tx, None, 10_000).secrets}
        assert self.revoked <= revoked, "what was seen once stays"
        self.revoked = revoked
        ended = (replace(one, status=Status.REVOKED) if one.key_id in revoked else one for one in _grants(meant))
        return frozenset(ended), tiers

    def _follower(
        self, database: Database, tables: object, name: str, handle: Handler, reset: Callable[[Connection], None]
    ) -> SqlFollower:
        def fails_at_times(tx: Connection, event: CloudEvent) -> None:
            handle(tx, event)
            if not self.are_well and self.chance.random() < 0.1:
                raise ZeroDivisionError

        return SqlFollower(name, database, tables.metadata, fails_at_times, reset, self.clock)  # type: ignore[attr-defined]  # a module

    def _wait(self, follower: SqlFollower) -> None:
        self.clock.advance(self.chance.choice([0.5, 1, 5, 60]))
        follower.retry_due()

    def _toggle_feed(self) -> None:
        self.history.feed.is_away = not self.history.feed.is_away


def _without(parked: set[str], grants: object) -> set[Grant]:
    return {grant for grant in _grants(grants) if grant.key_id not in parked}


def _grants(grants: object) -> frozenset[Grant]:
    assert isinstance(grants, frozenset)
    return grants


@pytest.mark.parametrize("seed", range(60))
def test_services_end_equal_to_the_log_whatever_happens_on_the_way(seed: int, tmp_path: Path) -> None:
    world = World(seed, tmp_path)
    for _ in range(10):
        world.run(steps=6)
        world.assert_nobody_waits_but_the_parked()
    world.settle()
    world.assert_equal_to_the_log()
    world.close()
