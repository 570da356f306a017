"""A process is killed (SIGKILL) between commit and publish, and at every other bad moment: nothing is lost by it.

Each life is a process that serves keys, auth, usage and a gate on the files that the one before it left. It first
audits what it finds, then works until it is killed at a seeded point; a life that ends otherwise fails the test.
"""

import os
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, select

from services.auth import assembly as auth
from services.auth import grants as auth_grants
from services.auth.tier_limits import TIERS
from services.keys import assembly as keys
from services.keys import tables as keys_tables
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from services.keys.lifecycle.key import Reason
from services.usage import assembly as usage
from services.usage import key_events as known_keys
from services.usage import tables as usage_tables
from services.usage.known_keys.keys_client import KeysClient
from services.usage.notifications.settings import DeliverySettings
from shared.contracts import keys as public
from shared.contracts.decoding import decode
from shared.contracts.envelope import CloudEvent, to_json
from shared.eventsourcing.audit import Anchor, audit
from shared.gate.grants.grants import Grants
from shared.gate.grants.replica import GrantsFollower
from shared.messaging.embedded_transport import URL
from shared.messaging.publishing import EventPublisher
from shared.replication.relay import Doorbell, Relay
from shared.replication.subscription import Subscription
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from tests.children import fork, wait
from tests.examples import ORIGIN
from tests.histories import held

LIVES, FOLDERS = 25, 4  # 100 deaths
PLACES = (
    "between commit and doorbell",
    "before a publish",
    "after a publish",
    "before the relay notes its place",
    "before the log's commit",
    "in auth's transaction",
    "after auth's commit",
    "in usage's transaction",
    "while the gate applies",
)
Passing = Callable[[str], None]


def unharmed(place: str) -> None:
    pass


def doomed(place: str, passes: int) -> Passing:
    """Kills this process the so-manieth time it passes the place."""
    left = passes

    def passing(here: str) -> None:
        nonlocal left
        if here == place:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return passing


class Bus:
    """Straight to the followers of this process; what was confirmed is on disk, as with a real broker."""

    def __init__(self, life: "Life") -> None:
        self._life = life

    def publish(self, events: Sequence[CloudEvent]) -> int:
        for one in events:
            self._publish(one)
        return len(events)

    def _publish(self, event: CloudEvent) -> None:
        life = self._life
        life.passing("before a publish")
        life.note("published", str(event.position))
        if life.chance.random() < 0.7:  # else it is lost on the way, and a pull has to find it
            body = to_json(event)
            life.auth.following.hear([body])
            life.passing("after auth's commit")
            life.usage.following.hear([body])
            life.gate.push(event)
            life.passing("while the gate applies")
        life.passing("after a publish")


class Life:
    """All of it, put together by the services' own assemblies on the files of one folder."""

    def __init__(self, folder: Path, seed: int, passing: Passing) -> None:
        self.chance, self.passing, self._folder = random.Random(seed), passing, folder
        clock = SystemClock()
        databases = [Database.sqlite(folder / f"{name}.db") for name in ("keys", "auth", "usage")]
        self.keys = keys.assemble(databases[0], Bus(self), clock, lease_seconds=1)
        self.auth = auth.assemble(databases[1], self.keys.feed, clock)
        self.usage = usage.assemble(
            databases[2],
            self.keys.feed,
            KeysClient(URL),
            EventPublisher(URL, "usage"),
            clock,
            policy=TIERS,
            delivery=DeliverySettings(secrets_keys=("k" * 32,)),
        )
        self.grants = Grants()
        follower = GrantsFollower(self.grants, self.auth.book.snapshot, distrust=lambda: None)
        self.gate = Subscription(self.keys.feed, follower, clock)
        self._databases = databases
        assert self.audit() == ()
        self.gate.restart()

    def close(self) -> None:
        for database in self._databases:
            database.close()

    def audit(self) -> tuple[object, ...]:
        """Of the log, against what both followers remember of it."""
        remembered = (
            Anchor(follower=name, checkpoint=checkpoint)
            for name, follower in (("auth", self.auth.follower), ("usage", self.usage.follower))
            if (checkpoint := follower.checkpoint()) is not None
        )
        return audit(self.keys.store, list(remembered)).findings

    def work(self) -> None:
        """Commands and their consequences, until something ends it."""
        for _ in range(200):
            self.command()
            if self.chance.random() < 0.8:
                self.keys.relay.run()
            if self.chance.random() < 0.3:
                self.catch_up()

    def command(self) -> None:
        with self.keys.database.reading() as tx:
            organisations = tx.execute(select(keys_tables.organisation.c.id)).scalars().all()
            table = keys_tables.api_key
            alive = tx.execute(select(table).where(table.c.revoked_at.is_(None)).order_by(table.c.id)).all()
        commands = self.keys.commands
        if not organisations:
            commands.organisations.register("Protezione civile", "standard", ORIGIN)
        elif alive and self.chance.random() < 0.4:
            key = self.chance.choice(alive)
            commands.revoke(key.organisation_id, key.id, Reason.SUPERSEDED, "a note", ORIGIN)
            self.note("answered", f"KeyRevoked {key.id}")
        else:
            request = KeyRequest(description=Description(name="a key"), permissions=("sensors:read",))
            created = commands.create(self.chance.choice(organisations), request, ORIGIN)
            self.note("answered", f"KeyCreated {created.key_id}")

    def catch_up(self) -> None:
        """What the services' timers do."""
        self.keys.relay.run()
        self.auth.following.catch_up()
        self.usage.following.catch_up()
        self.gate.pull()

    def note(self, name: str, line: str) -> None:
        with (self._folder / name).open("a") as file:
            file.write(line + "\n")


def live_and_die(folder: Path, seed: int, place: str) -> None:
    """In a process of its own, whose modules may be rewired: nobody comes after."""
    passing = doomed(place, random.Random(seed).randint(1, 6))
    wire = pytest.MonkeyPatch()
    _pass_within(wire, auth_grants, passing, "in auth's transaction")
    _pass_within(wire, known_keys, passing, "in usage's transaction")
    move_cursor = Relay._published

    def slow_published(relay: Relay, position: int) -> None:
        passing("before the relay notes its place")
        move_cursor(relay, position)

    wire.setattr(Relay, "_published", slow_published)
    wire.setattr(Doorbell, "ring", lambda _: passing("between commit and doorbell"))
    life = Life(folder, seed, passing)

    def before_commit(connection: Connection) -> None:
        if connection.get_execution_options().get("grillo_writes"):
            passing("before the log's commit")

    event.listen(life.keys.database.engine, "commit", before_commit)
    if life.chance.random() < 0.5:
        life.catch_up()
    life.work()


@contextmanager
def unharmed_life(folder: Path) -> Iterator[Life]:
    life = Life(folder, 0, unharmed)
    yield life
    life.close()


@pytest.mark.parametrize("number", range(FOLDERS))
def test_whatever_a_killed_process_left_undone_the_next_one_does(tmp_path: Path, number: int) -> None:
    with unharmed_life(tmp_path):
        pass  # each life after it finds what a process reads once, and the schema
    for seed in range(number * LIVES, (number + 1) * LIVES):
        place = PLACES[seed % len(PLACES)]
        ended = wait(fork(lambda seed=seed, place=place: live_and_die(tmp_path, seed, place)))  # type: ignore[misc]
        assert ended == -signal.SIGKILL, f"seed {seed}, {place}"
    with unharmed_life(tmp_path) as life:
        life.catch_up()
        assert_equal_to_the_log(life)
        assert_nothing_forgotten(life, tmp_path)
        assert life.audit() == ()


def assert_equal_to_the_log(life: Life) -> None:
    """Every follower against the log, folded anew from its first row."""
    expected, known = Grants(), set()
    after = None
    while (page := life.keys.feed.pull(after)).events:
        for envelope in page.events:
            event_ = decode(envelope, public.SHAPES)
            assert event_ is not None
            expected.apply(event_)
            if isinstance(event_, public.KeyCreated):
                known.add((event_.key_id, event_.organisation_id, event_.hint))
        after = page.events[-1].place
    snapshot = life.auth.book.snapshot()
    assert snapshot.place == life.grants.place == life.usage.follower.checkpoint() == after
    assert held(snapshot).state() == expected.state()
    assert life.grants.state() == expected.state()
    with life.usage.database.reading() as tx:
        rows = tx.execute(select(usage_tables.known_key))
        assert {(row.key_id, row.organisation_id, row.hint) for row in rows} == known
    for follower in (life.auth.follower, life.usage.follower):
        assert follower.parked() == ()


def assert_nothing_forgotten(life: Life, folder: Path) -> None:
    """Each row was published at least once; each answered command is in the log, and in the read model."""
    with life.keys.store.reading() as tx:
        head = life.keys.store.head(tx)
        happened = {f"{row.type} {row.stream}" for row in life.keys.store.after(tx, 0, 100_000)}
        keys_ = tx.execute(select(keys_tables.api_key)).all()
        cursor = tx.execute(select(keys_tables.relay_cursor.c.position)).scalar_one()
    published = {int(line) for line in (folder / "published").read_text().split()}
    assert published == set(range(1, head.position + 1))
    assert cursor == head.position
    assert set((folder / "answered").read_text().splitlines()) <= happened
    assert {f"KeyCreated {key.id}" for key in keys_} == {fact for fact in happened if fact.startswith("KeyCreated")}
    assert {f"KeyRevoked {key.id}" for key in keys_ if key.revoked_at} == {
        fact for fact in happened if fact.startswith("KeyRevoked")
    }


def _pass_within(wire: pytest.MonkeyPatch, module: object, passing: Passing, place: str) -> None:
    """The handler's effect is written, its place is not."""
    handle: Callable[[Connection, CloudEvent], None] = module.apply  # type: ignore[attr-defined]  # a module

    def handle_and_pass(tx: Connection, event: CloudEvent) -> None:
        handle(tx, event)
        passing(place)

    wire.setattr(module, "apply", handle_and_pass)
