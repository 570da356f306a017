"""Keys on SQLite and PostgreSQL without any gate, whose commands can be put into one commit in a known order."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from services.keys import assembly, tables
from services.keys.commands.command_inputs import CreatedKey, KeyRequest
from services.keys.encryption.description import Description
from services.keys.events import KeyEvent
from services.keys.lifecycle import decision
from services.keys.lifecycle.commands import Command, NewSecret
from services.keys.lifecycle.key import Key
from services.keys.revocation.fence import Fence, Fenced, checked_by
from shared.eventsourcing.event_store import Appender
from shared.eventsourcing.repository import nothing
from shared.gate.verdict import Refusal
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import DIGEST, HINT, ORIGIN, NoBus

WAIT_SECONDS = 20
ADMIN = KeyRequest(description=Description(name="admin"), permissions=("admin",))
SECRET = NewSecret(digest=DIGEST, hint=HINT)


class World:
    """Keys, without any gate: receipts are there at once."""

    def __init__(self, database: Database, clock: ManualClock, pool: ThreadPoolExecutor) -> None:
        self.clock, self.pool = clock, pool
        self.keys = assembly.assemble(database, NoBus(), clock, lease_seconds=1)
        self.organisation_id = self.keys.commands.organisations.register("Ferrovie", "standard", ORIGIN)

    def create(self, fence: Fence | None = None, **settings: Any) -> CreatedKey:
        commands = self.keys.commands if fence is None else self.keys.commands.behind(fence)
        return commands.create(self.organisation_id, replace(ADMIN, **settings), ORIGIN)

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


def fence_of(world: World, created: CreatedKey, permission: str | None = "admin", **different: Any) -> Fence:
    parts = {"key_id": created.key_id, "digest": created.secret.digest, "permission": permission} | different
    return Fence(time=lambda: world.clock.now().timestamp(), **parts)


def refusal_of(call: Future[object]) -> Refusal:
    error = call.exception()
    assert isinstance(error, Fenced), error
    return error.refusal
