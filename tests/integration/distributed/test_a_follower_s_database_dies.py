"""Followers do not wait for their disk: what a crash takes back of them they follow again, and no gate is the worse."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from services.auth import assembly as auth_assembly
from services.auth.verification import verify
from services.keys import assembly as keys_assembly
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from services.keys.lifecycle.key import Reason
from shared.contracts.envelope import CloudEvent, to_json
from shared.gate.authentication.credential import Presented, digest_of
from shared.gate.grants.replica import Replica
from shared.gate.verdict import Refusal, judge
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import ORIGIN
from tests.servers import Postgres

ATTEMPTS = 5


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    """One of its own, that writes as late as it may."""
    server = Postgres(tmp_path)
    with psycopg.connect(server.address(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        connection.execute("SELECT pg_reload_conf()")
    yield server
    server.close()


class World:
    """Keys on its own disk; auth, which hears of all that happens there; and a gate."""

    def __init__(self, folder: Path, server: Postgres, clock: ManualClock) -> None:
        self.server = server
        self.auth_database = Database(server.new_database())
        self._told = list[CloudEvent]()
        self.keys = keys_assembly.assemble(Database.sqlite(folder / "keys.db"), self, clock, lease_seconds=1)
        self.auth = auth_assembly.assemble(self.auth_database, self.keys.feed, clock)
        self.gate = Replica(
            gate="gate_1", feed=self.keys.feed, snapshot=self.auth.book.snapshot, clock=clock, lease_seconds=1
        )
        self.organisation = self.keys.commands.organisations.register("Railway", "premium", ORIGIN)
        self.clock = clock

    def publish(self, events: Sequence[CloudEvent]) -> int:
        self._told += events
        return len(events)

    def auth_hears(self) -> None:
        self.keys.relay.run()
        for event in self._told:
            self.auth.following.hear([to_json(event)])
        self._told.clear()

    def create(self) -> tuple[str, str]:
        """(id, secret); known to auth for good, and at the gate."""
        request = KeyRequest(description=Description(name="key"), permissions=("sensors:read",))
        created = self.keys.commands.create(self.organisation, request, ORIGIN)
        self.auth_hears()
        with self.auth_database.transaction() as tx:
            tx.execute(text("SELECT pg_logical_emit_message(true, 'durable', 'with all before it')"))
        self.gate.pull()
        return created.key_id, created.secret.value

    def crash(self) -> None:
        self.server.crash()
        self.auth_database.close()
        self.server.start()

    def position(self) -> int:
        place = self.auth.follower.checkpoint()
        return 0 if place is None else place.position

    def gate_says(self, secret: str) -> Refusal | None:
        presented = Presented(authorization=f"Bearer {secret}", query_keys=(), address="192.0.2.7")
        return judge(presented, "sensors:read", self.gate.grants, self.gate.time()).refusal


def test_what_a_crash_takes_back_of_auth_is_followed_again_and_revives_no_key_at_any_gate(
    tmp_path: Path, server: Postgres, clock: ManualClock
) -> None:
    world = World(tmp_path, server, clock)
    for _ in range(ATTEMPTS):
        key_id, secret = world.create()
        created_at = world.position()
        assert world.gate_says(secret) is None
        world.gate.pull()
        revoke(world, key_id)
        world.auth_hears()
        revoked_at = world.position()
        assert world.gate_says(secret) is Refusal.KEY_REVOKED
        world.crash()
        after = world.position()
        assert created_at <= after <= revoked_at
        # Place and effect are of one transaction: both are back, or neither is.
        answer = verify(world.auth.book, clock, digest_of(secret), "sensors:read")
        assert answer.valid == (after < revoked_at)
        # The gate asks for a new snapshot, and gets one from before what it has acknowledged.
        world.gate._subscription.restart()
        assert world.gate.is_fresh() == (after == revoked_at)
        world.gate.pull()
        assert world.gate.is_fresh()
        assert world.gate_says(secret) is Refusal.KEY_REVOKED
        world.auth.following.catch_up()
        assert world.position() == revoked_at
        assert not verify(world.auth.book, clock, digest_of(secret), "sensors:read").valid
        if after < revoked_at:
            return
    pytest.fail(f"{ATTEMPTS} crashes took nothing back, so nothing was shown")


def revoke(world: World, key_id: str) -> None:
    """The gate hears of it by its pull, as soon as the revoker waits."""
    gate_progress = world.keys.propagation._gate_progress
    gate_progress._sleep = lambda _: world.gate.pull()  # type: ignore[assignment]
    receipt = world.keys.commands.revoke(world.organisation, key_id, Reason.UNSPECIFIED, None, ORIGIN).receipt
    assert receipt.propagated
    assert [gate.id for gate in receipt.gates] == ["gate_1"]
