"""When revoke returns, no gate takes another verdict in the key's favour, nor for a network when its loss returns: real
parts under many seeded schedules.

Each gate's pull is cut where the real one could be interrupted: before the feed is reached, between the row's
commit and the reading of the head, and while the answer is under way, for longer than a lease or for ever.
An account that some of the gates belong to invents others meanwhile, so that its rows are marked and removed.
"""

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from greenlet import getcurrent, greenlet
from sqlalchemy import delete, select

from services.auth import assembly as auth
from services.keys import tables
from services.keys.assembly import MIGRATIONS
from services.keys.commands.command_handler import CommandHandler
from services.keys.commands.command_inputs import KeyEdit, KeyRequest
from services.keys.encryption.description import Description
from services.keys.events import types
from services.keys.lifecycle.key import Reason
from services.keys.publication import publish
from services.keys.revocation.evidence import Evidence
from services.keys.revocation.propagation import Propagation, Receipt
from services.keys.revocation.receipts import Receipts
from services.keys.revocation.restore_detection import RestoreDetection
from shared.eventsourcing.event_store import Head
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.gate.authentication.credential import Presented
from shared.gate.grants.replica import Replica
from shared.gate.verdict import judge
from shared.replication.envelopes import Envelopes
from shared.replication.feed import Acknowledgement, FeedPage, FeedUnavailable, GateRefused, LogFeed
from shared.replication.heads.held_heads import HeldHead
from shared.replication.relay import Doorbell
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON, ORIGIN
from tests.service_database import migrated

LEASE = 10.0
GATES_MAX = 6
ACCOUNTS, OF_ONE_ACCOUNT_MAX = ("keys", "sensors"), 5
BATCHES, SEEDS = 2, 10


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Database]]:
    folder: Path = tmp_path_factory.mktemp("schedules")
    both = Database.sqlite(folder / "keys.db"), Database.sqlite(folder / "auth.db")
    migrated(both[0], MIGRATIONS)
    yield both
    for database in both:
        database.close()


@dataclass
class Gate:
    replica: Replica
    account: str
    pulling: greenlet | None = None


@dataclass
class Tally:
    """That the schedules reached what they are for."""

    admitted: int = 0
    narrowed: int = 0
    acknowledged: int = 0
    counted_out: int = 0
    not_fresh: int = 0
    cut_off: int = 0
    invented: int = 0
    refused: int = 0


@dataclass
class Key:
    id: str
    secret: str
    revoked: bool = False
    narrowed: bool = False


class World:
    def __init__(self, keys_database: Database, auth_database: Database, seed: int) -> None:
        self.seed, self.random, self.clock = seed, random.Random(seed), ManualClock(NOON)
        self.tally, self.keys, self.gates = Tally(), list[Key](), list[Gate]()
        self._main = getcurrent()
        self._gates_made = self._gates_invented = 0
        with keys_database.transaction() as tx:
            tx.execute(delete(tables.gate))
        store = SqlEventStore(keys_database, tables.metadata)
        publication = Envelopes("keys", types, publish)
        # Of several processes, with clocks of their own.
        self._propagations = [
            Propagation(
                keys_database,
                store,
                RestoreDetection(keys_database, clock, lease_seconds=LEASE),
                clock,
                lease_seconds=LEASE,
                gates_max=OF_ONE_ACCOUNT_MAX,
                sleep=lambda _: self._some_things_happen(),
            )
            for clock in (self.clock, _Later(self.clock, 10_000.0))
        ]
        propagation = self._propagations[0]
        self._database = keys_database
        self._feed = LogFeed(keys_database, store, publication, self._acknowledge)
        receipts = Receipts(propagation, Evidence(store, None, self.clock.now), self.clock)
        doorbell = Doorbell(lambda: None)
        self._commands = CommandHandler(keys_database, store, doorbell, receipts, self.clock, _Sensors())
        self._auth = auth.assemble(auth_database, LogFeed(keys_database, store, publication), self.clock)
        self._auth.subscription.pull()
        self._organisation = self._commands.organisations.register("Railway", "free", ORIGIN)
        for _ in range(3):
            self._join()

    def create(self) -> None:
        description = Description(name="key")
        request = KeyRequest(description=description, permissions=("sensors:read",), networks=("net_1", "net_2"))
        created = self._commands.create(self._organisation, request, ORIGIN)
        self.keys.append(Key(created.key_id, created.secret.value))

    def revoke(self) -> Receipt:
        key = self.random.choice([key for key in self.keys if not key.revoked])
        receipt = self._commands.revoke(self._organisation, key.id, Reason.UNSPECIFIED, None, ORIGIN).receipt
        key.revoked = True
        self._check()
        self.tally.acknowledged += sum(gate.applied_ms is not None for gate in receipt.gates)
        self.tally.counted_out += sum(gate.applied_ms is None for gate in receipt.gates)
        return receipt

    def narrow(self) -> None:
        wide = [key for key in self.keys if not (key.revoked or key.narrowed)]
        if not wide:
            return
        key = self.random.choice(wide)
        edit = KeyEdit(access=lambda access: replace(access, networks=("net_2",)))
        assert self._commands.edit(self._organisation, key.id, edit, ORIGIN).receipt is not None
        key.narrowed = True
        self._check()

    def _some_things_happen(self) -> None:
        """Between two looks at the rows: one of these may hide another."""
        for _ in range(self.random.choice([1, 1, 2, 6])):
            self.something_happens()

    def something_happens(self) -> None:
        weights = {
            self._a_gate_goes_on: 20,
            self._time_passes: 8,
            self._auth_catches_up: 2,
            self._join: 1,
            self._leave: 1,
            self._a_gate_wants_a_new_snapshot: 1,
            self._invent: 5,
        }
        (happens,) = self.random.choices(list(weights), list(weights.values()))
        happens()
        self._check()

    def _a_gate_goes_on(self) -> None:
        if not self.gates:
            return
        # The last ones are looked after less: they stay silent for long, with a pull under way.
        gate = self.gates[min(int(self.random.expovariate(0.7)), len(self.gates) - 1)]
        if gate.pulling is None or gate.pulling.dead:
            work = self._push if self.random.random() < 0.3 else self._pull
            gate.pulling = greenlet(lambda: work(gate.replica), parent=self._main)
        gate.pulling.switch()

    def _pull(self, replica: Replica) -> None:
        try:
            replica.pull()
        except FeedUnavailable:
            self.tally.cut_off += 1

    def _push(self, replica: Replica) -> None:
        """Any event of the log that a broker may bring: the next, an old one again, one from further on."""
        page = self._feed.pull(None)
        try:
            replica.push(self.random.choice(page.events[-5:]))
        except FeedUnavailable:
            self.tally.cut_off += 1

    def _time_passes(self) -> None:
        self.clock.advance(self.random.choice([0.01, 0.1, 0.5, 1, 1, 3, 9.9]))

    def _auth_catches_up(self) -> None:
        self._auth.subscription.pull()

    def _join(self) -> None:
        if len(self.gates) < GATES_MAX:
            self._gates_made += 1
            account = self.random.choice(ACCOUNTS)
            feed = _Interrupted(self, self._feed, account)
            name = f"gate_{self._gates_made}"
            snapshot = self._auth.book.snapshot
            replica = Replica(gate=name, feed=feed, snapshot=snapshot, clock=self.clock, lease_seconds=LEASE)
            self.gates.insert(self.random.randint(0, len(self.gates)), Gate(replica, account))

    def _leave(self) -> None:
        """Killed, or stopped cleanly."""
        if len(self.gates) > 1:
            gate = self.gates.pop(self.random.randrange(len(self.gates)))
            if self.random.random() < 0.5:
                with contextlib.suppress(GateRefused):  # it has not spoken yet, and one of its name is another's
                    self.random.choice(self._propagations).remove(gate.replica.gate, gate.account)

    def _a_gate_wants_a_new_snapshot(self) -> None:
        """As half a minute after an event that did not apply. auth may lag behind what the gate has applied."""
        if self.gates:
            replica = self.random.choice(self.gates).replica
            replica.grants.unappliable.add("key_of_another_test")
            replica._snapshot_at = float("-inf")

    def _invent(self) -> None:
        """Gates that sensors makes up, and words in the names of the others, by whichever process."""
        for _ in range(self.random.randint(1, OF_ONE_ACCOUNT_MAX)):
            self._gates_invented += 1
            taken = [gate.replica.gate for gate in self.gates if gate.account != "sensors"]
            gate = self.random.choice([f"invented_{self._gates_invented}", f"invented_{self.random.randint(1, 9)}"])
            try:
                self._say(Acknowledgement(gate=gate, position=self.random.randint(0, 99)), "sensors")
                self.tally.invented += 1
            except GateRefused:
                self.tally.refused += 1
        rows = self._rows()
        for gate in taken:
            if gate in rows:
                with pytest.raises(GateRefused):
                    self._say(Acknowledgement(gate=gate, position=99), "sensors")

    def _say(self, acknowledgement: Acknowledgement, account: str | None) -> None:
        self.random.choice(self._propagations).acknowledge(acknowledgement, account)

    def _rows(self) -> set[str]:
        """The gates that are waited for."""
        with self._database.reading() as tx:
            return set(tx.execute(select(tables.gate.c.id)).scalars())

    def _acknowledge(self, acknowledgement: Acknowledgement, account: str | None) -> None:
        self.interrupt()
        try:
            self._say(acknowledgement, account)
        except GateRefused as refused:
            raise FeedUnavailable("refused") from refused
        self.interrupt()

    def interrupt(self) -> None:
        """Gives the turn back to the schedule; comes back when this gate's turn is next, or with a cut line."""
        self._main.switch()
        if self.random.random() < 0.05:
            raise FeedUnavailable("cut off")

    def _check(self) -> None:
        rows = self._rows()
        for gate in self.gates:
            if not gate.replica.is_fresh():
                self.tally.not_fresh += 1
                continue
            name = gate.replica.gate
            assert name in rows, f"seed {self.seed}: nobody waits for {name}, which is fresh"
            for key in self.keys:
                admitted, beyond = self._admits(gate, key, "net_2"), self._admits(gate, key, "net_1")
                assert not (key.revoked and (admitted or beyond)), (
                    f"seed {self.seed}: {name} admits a key after its receipt"
                )
                assert not (key.narrowed and beyond), (
                    f"seed {self.seed}: {name} admits a key to a network that it lost, after its receipt"
                )
                self.tally.admitted += admitted
                self.tally.narrowed += key.narrowed and admitted

    def _admits(self, gate: Gate, key: Key, network_id: str) -> bool:
        request = Presented(authorization=f"Bearer {key.secret}", query_keys=(), address="192.0.2.7")
        grants, now = gate.replica.grants, gate.replica.time()
        return judge(request, "sensors:read", grants, now, networks=(network_id,)).admitted


class _Sensors:
    def networks_of(self, organisation_id: str) -> dict[str, str]:
        return {"net_1": "North", "net_2": "South"}


class _Interrupted:
    """The feed as a gate reaches it over the network, in steps that others may come between."""

    def __init__(self, world: World, feed: LogFeed, account: str) -> None:
        self._world, self._feed, self._account = world, feed, account

    def pull(
        self, after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        page = self._feed.pull(after, acknowledgement, held, account=self._account)
        self._world.interrupt()
        return page


class _Later(ManualClock):
    """The steady clock of another machine: it began at another time, and goes as fast."""

    def __init__(self, clock: ManualClock, seconds: float) -> None:
        super().__init__(NOON)
        self._clock, self._seconds = clock, seconds

    def elapsed_seconds(self) -> float:
        return self._clock.elapsed_seconds() + self._seconds


@pytest.mark.parametrize("batch", range(BATCHES))
def test_after_its_receipt_no_fresh_gate_admits_a_key_under_any_schedule(
    databases: tuple[Database, Database], batch: int
) -> None:
    total = Tally()
    for seed in range(batch * SEEDS, (batch + 1) * SEEDS):
        world = World(*databases, seed)
        for _ in range(3):
            world.create()
        for _ in range(3):
            for _ in range(world.random.randint(0, 30)):
                world.something_happens()
            world.narrow()
            world.revoke()
        for _ in range(50):
            world.something_happens()
        for name in Tally.__dataclass_fields__:
            setattr(total, name, getattr(total, name) + getattr(world.tally, name))
    # None of it by default: keys were admitted, gates acknowledged, fell silent, lost their lease, were cut off, …
    assert min(getattr(total, name) for name in Tally.__dataclass_fields__) > SEEDS
