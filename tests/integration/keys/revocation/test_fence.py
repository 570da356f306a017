"""Fences in a group commit: a command of a key whose power ended earlier in that transaction is refused, and alone."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from services.keys import assembly, tables
from services.keys.command_inputs import CreatedKey, KeyRequest
from services.keys.encryption.description import Description
from services.keys.events import KeyEvent
from services.keys.lifecycle import decision
from services.keys.lifecycle.commands import Command, DeleteKey, EditKey, NewSecret, RevokeKey, RotateKey, SuspendKey
from services.keys.lifecycle.key import Access, Key, Reason
from services.keys.revocation.fence import Fence, Fenced, checked_by
from shared.eventsourcing.audit import audit
from shared.eventsourcing.event_store import Appender
from shared.eventsourcing.repository import nothing
from shared.gate.verdict import Refusal
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import DIGEST, HINT, ORIGIN, NoBus
from tests.servers import Postgres

WAIT_SECONDS = 20
ADMIN = KeyRequest(description=Description(name="admin"), permissions=("admin",))
SECRET = NewSecret(digest=DIGEST, hint=HINT)


class World:
    """Keys, without any gate: receipts are there at once."""

    def __init__(self, database: Database, clock: ManualClock, pool: ThreadPoolExecutor) -> None:
        self.clock, self.pool = clock, pool
        self.keys = assembly.assemble(database, NoBus(), clock, lease_seconds=1)
        self.organisation_id = self.keys.commands.register_organisation("Ferrovie", "standard", ORIGIN)

    def create(self, fence: Fence | None = None) -> CreatedKey:
        commands = self.keys.commands if fence is None else self.keys.commands.behind(fence)
        return commands.create(self.organisation_id, ADMIN, ORIGIN)

    def change(self, key_id: str, command: Command, fence: Fence | None = None) -> object:
        def decide(state: Key | None) -> tuple[KeyEvent, ...]:
            return decision.decide(state, command, self.clock.now())

        check = nothing if fence is None else checked_by(fence)
        return self.keys.commands.keys.execute(key_id, decide, ORIGIN, fence=check)

    def in_one_commit(self, *calls: Callable[[], object]) -> Sequence[Future[object]]:
        """In this order: they come while somebody else holds the log's lock."""
        log = self.keys.commands.keys._log
        with self._held():
            running: list[Future[object]] = []
            for call in calls:
                running.append(self.pool.submit(call))
                while len(log._commit_soon._waiting) < len(running):
                    pass
        for each in running:
            each.exception(WAIT_SECONDS)
        return running

    @contextmanager
    def _held(self) -> Iterator[None]:
        began, may_end = threading.Event(), threading.Event()

        def hold(_tx: Connection, _log: Appender) -> tuple[()]:
            began.set()
            assert may_end.wait(WAIT_SECONDS)
            return ()

        holding = self.pool.submit(self.keys.commands.keys._log.commit, (), hold)
        assert began.wait(WAIT_SECONDS)
        try:
            yield
        finally:
            may_end.set()
        holding.result(WAIT_SECONDS)

    def log(self) -> list[tuple[str, str]]:
        with self.keys.database.reading() as tx:
            rows = tx.execute(select(tables.log).order_by(tables.log.c.position)).all()
        return [(row.stream, row.type) for row in rows]


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[World]:
    is_sqlite = request.param == "sqlite"
    server: Postgres | None = None if is_sqlite else request.getfixturevalue("postgres")
    database = Database.sqlite(tmp_path / "keys.db") if server is None else Database(server.new_database())
    with ThreadPoolExecutor(4) as pool:
        yield World(database, clock, pool)
    database.close()


def fence_of(world: World, created: CreatedKey, permission: str | None = "admin", **different: Any) -> Fence:
    parts = {"key_id": created.key_id, "digest": created.secret.digest, "permission": permission} | different
    return Fence(time=lambda: world.clock.now().timestamp(), **parts)


def refusal_of(call: Future[object]) -> Refusal:
    error = call.exception()
    assert isinstance(error, Fenced), error
    return error.refusal


ENDINGS: dict[str, tuple[Command, Refusal]] = {
    "revoked": (RevokeKey(reason=Reason.KEY_COMPROMISE, note=None), Refusal.KEY_REVOKED),
    "suspended": (SuspendKey(), Refusal.KEY_SUSPENDED),
    "rotated": (RotateKey(secret=SECRET, grace=timedelta()), Refusal.INVALID_KEY),
    "without admin": (EditKey(permissions=("sensors:read",)), Refusal.INSUFFICIENT_PERMISSION),
    "deleted": (DeleteKey(), Refusal.INVALID_KEY),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ended_its_power_earlier_in_the_group_counts_and_is_kept(world: World, ending: str) -> None:
    command, refusal = ENDINGS[ending]
    stolen, other = world.create(), world.create()
    before = world.log()
    ended, refused, passed = world.in_one_commit(
        lambda: world.change(stolen.key_id, command),
        lambda: world.create(fence_of(world, stolen)),
        lambda: world.create(fence_of(world, other)),
    )
    assert ended.exception() is None
    assert refusal_of(refused) is refusal
    assert isinstance(made := passed.result(), CreatedKey)
    kept = world.log()[len(before) :]
    assert {stream for stream, _ in kept} == {stolen.key_id, made.key_id}
    assert kept[-1] == (made.key_id, "KeyCreated")
    assert audit(world.keys.store).findings == ()
    with world.keys.database.reading() as tx:
        # The refused creation's data key went with it.
        known = set(tx.execute(select(tables.data_key.c.key_id)).scalars())
    assert known == {stolen.key_id, other.key_id, made.key_id} - ({stolen.key_id} if ending == "deleted" else set())


def test_what_came_first_in_the_group_is_kept(world: World) -> None:
    stolen = world.create()
    made, ended = world.in_one_commit(
        lambda: world.create(fence_of(world, stolen)), lambda: world.change(stolen.key_id, ENDINGS["revoked"][0])
    )
    assert isinstance(made.result(), CreatedKey)
    assert ended.exception() is None


def test_a_command_decided_again_is_judged_again(world: World) -> None:
    """It meets another change of the same key, and when it is decided again the key that asks is revoked."""
    stolen, target = world.create(), world.create()
    first, met, ended = world.in_one_commit(
        lambda: world.change(target.key_id, SuspendKey()),
        lambda: world.change(target.key_id, EditKey(permissions=("sensors:read",)), fence_of(world, stolen)),
        lambda: world.change(stolen.key_id, ENDINGS["revoked"][0]),
    )
    assert (first.exception(), ended.exception()) == (None, None)
    assert refusal_of(met) is Refusal.KEY_REVOKED
    assert [type_ for stream, type_ in world.log() if stream == target.key_id] == ["KeyCreated", "KeySuspended"]


def test_in_its_grace_the_older_secret_passes_and_not_after(world: World) -> None:
    created = world.create()
    world.change(created.key_id, RotateKey(secret=SECRET, grace=timedelta(seconds=60)))
    newer = fence_of(world, created, digest=DIGEST)
    world.clock.advance(59)
    for fence in (fence_of(world, created), newer):
        world.create(fence)
    world.clock.advance(1)
    world.create(newer)
    with pytest.raises(Fenced, match="invalid-key"):
        world.create(fence_of(world, created))


def test_a_key_past_its_expiry_makes_nothing(world: World) -> None:
    created = world.create()
    expires_at = world.clock.now() + timedelta(seconds=60)
    world.change(created.key_id, EditKey(access=Access(expires_at=expires_at)))
    world.create(fence_of(world, created))
    world.clock.advance(60)
    with pytest.raises(Fenced, match="key-expired"):
        world.create(fence_of(world, created))


def test_many_keys_are_revoked_behind_the_fence_or_none(world: World) -> None:
    stolen, one, two = world.create(), world.create(), world.create()
    world.change(stolen.key_id, SuspendKey())
    commands, ids = world.keys.commands.behind(fence_of(world, stolen)), (one.key_id, two.key_id)
    before = world.log()
    with pytest.raises(Fenced, match="key-suspended"):
        commands.revoke_all(world.organisation_id, ids, Reason.SUPERSEDED, None, ORIGIN)
    assert world.log() == before


def test_an_organisation_s_settings_are_behind_the_fence(world: World) -> None:
    stolen = world.create()
    world.change(stolen.key_id, ENDINGS["revoked"][0])
    before = world.log()
    with pytest.raises(Fenced, match="key-revoked"):
        world.keys.commands.behind(fence_of(world, stolen)).set_unused_expiry(world.organisation_id, 30, ORIGIN)
    assert world.log() == before


def test_suspended_it_may_still_give_itself_up(world: World) -> None:
    created = world.create()
    world.change(created.key_id, SuspendKey())
    commands = world.keys.commands.behind(fence_of(world, created, None, gives_up=True))
    commands.revoke(world.organisation_id, created.key_id, Reason.KEY_COMPROMISE, None, ORIGIN)
    assert world.log()[-1] == (created.key_id, "KeyRevoked")


def test_a_command_that_has_nothing_to_do_is_not_refused(world: World) -> None:
    created = world.create()
    for _ in range(2):
        world.change(created.key_id, SuspendKey(), fence_of(world, created))


def test_a_row_without_digests_is_nobody_s(world: World) -> None:
    created = world.create()
    with world.keys.database.transaction() as tx:
        tx.execute(tables.api_key.update().values(digest=None))
    for digest in (created.secret.digest, ""):
        with pytest.raises(Fenced, match="invalid-key"):
            world.create(fence_of(world, created, digest=digest))
    world.keys.rebuild()
    world.create(fence_of(world, created))
