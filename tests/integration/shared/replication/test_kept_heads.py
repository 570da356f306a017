"""What a follower has seen of a log is remembered: no restart of either drops what proves that the log was altered."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from services.auth import assembly as auth_assembly
from services.auth import tables as auth_tables
from services.keys import assembly as keys_assembly
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from shared.eventsourcing.audit import Audit, audit
from shared.replication.proof.signatures import Signer, Verifier, new_private_key
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON, ORIGIN, NoBus
from tests.intruder import rechain

REQUEST = KeyRequest(description=Description(name="key"), permissions=("sensors:read",))
STARTS = 3


class World:
    """Keys and auth over their files, each start anew; the private key stays the same."""

    def __init__(self, folder: Path) -> None:
        self.file, self.clock, self._signer = folder / "keys.db", ManualClock(NOON), Signer(new_private_key())
        self._folder = folder
        self.start()
        self.organisation = self.keys.commands.organisations.register("Ferrovie", "standard", ORIGIN)

    def start(self) -> None:
        database = Database.sqlite(self.file)
        self.keys = keys_assembly.assemble(database, NoBus(), self.clock, lease_seconds=1, signer=self._signer)
        self.auth = auth_assembly.assemble(Database.sqlite(self._folder / "auth.db"), self.keys.feed, self.clock)

    def stop(self) -> None:
        self.keys.database.close()
        self.auth.database.close()

    def follow(self) -> None:
        self.clock.advance(timedelta(minutes=1).total_seconds())
        self.auth.following.catch_up()

    def create(self) -> None:
        self.keys.commands.create(self.organisation, REQUEST, ORIGIN, beyond_limit=True)
        self.follow()

    def audit(self) -> Audit:
        return audit(self.keys.store, self.auth.follower.anchors())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def rewrite(connection: sqlite3.Connection) -> None:
    changed = connection.execute(
        "UPDATE log SET data = replace(data, 'sensors:read', 'admin') WHERE position = 3 AND type = 'KeyCreated'"
    )
    assert changed.rowcount == 1


def cut(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM log WHERE position > 3")


def put_back_and_go_on(connection: sqlite3.Connection) -> None:
    """A shorter log that grows to be longer than it was, with other rows."""
    cut(connection)
    connection.executemany(
        "INSERT INTO log SELECT position + ?, stream || ?, version, type, schema_version, data, metadata, recorded_at,"
        " hash FROM log WHERE position = 3",
        [(number, f"_{number}") for number in range(1, 9)],
    )


@pytest.mark.parametrize("alter", [rewrite, cut, put_back_and_go_on])
def test_an_altered_log_with_all_hashes_made_right_is_named_after_any_number_of_starts(
    world: World, alter: Callable[[sqlite3.Connection], None]
) -> None:
    for _ in range(4):
        world.create()
    assert world.audit().findings == ()
    world.stop()
    with sqlite3.connect(world.file) as connection:
        alter(connection)
        rechain(connection)
    for _ in range(STARTS):
        world.start()
        for _ in range(3):
            world.follow()
        assert audit(world.keys.store).findings == ()
        assert [finding.problem for finding in world.audit().findings]
        world.stop()


def test_of_an_hour_that_is_over_the_last_head_stays_and_of_this_one_all(world: World) -> None:
    for _ in range(150):
        world.create()
    table = auth_tables.metadata.tables["kept_head"]
    with world.auth.database.reading() as tx:
        kept = list(tx.execute(select(table.c.seen_at).order_by(table.c.position)).scalars())
    hours = [seen_at[:13] for seen_at in kept]
    assert len(set(hours)) >= 3
    assert all(hours.count(hour) == 1 for hour in set(hours) - {hours[-1]})
    assert hours.count(hours[-1]) > 1
    assert world.audit().findings == ()


def test_what_was_seen_before_a_rebuild_stays_for_ever(world: World) -> None:
    for _ in range(5):
        world.create()
    before = {anchor.checkpoint for anchor in world.auth.follower.anchors()}
    world.auth.rebuild()
    for _ in range(130):
        world.create()
    assert before <= {anchor.checkpoint for anchor in world.auth.follower.anchors()}


def test_a_kept_head_can_be_checked_by_whoever_has_the_public_key(world: World) -> None:
    world.create()
    signed = world.keys.feed.pull(None).signed_head
    assert signed is not None
    assert world.keys.signer is not None
    assert signed.is_signed(Verifier([world.keys.signer.public_key]))
    for altered in ({"position": 0}, {"hash": "0" * 64}, {"signed_at": "2020-01-01T00:00:00.000000Z"}, {"epoch": "e"}):
        assert not type(signed)(
            **{name: getattr(signed, name) for name in signed.__struct_fields__} | altered
        ).is_signed(Verifier([world.keys.signer.public_key]))
