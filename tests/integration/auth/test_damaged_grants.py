"""A row that gives power and is not as it was written gives none, is told, and is made again from the log of keys."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select

from services.auth import tables
from services.auth.grants import GrantUncertain
from services.auth.integrity import patrol
from services.auth.verification import verify
from services.embedded.soundness.folder_check import check
from services.keys.lifecycle.key import Reason
from shared.contracts.keys import Contract
from tests.examples import ORIGIN
from tests.integration.embedded.soundness.data_folder_world import World

FLIPS = {
    "body": "UPDATE \"grant\" SET body = replace(body, 'sensors:read', 'admin') WHERE key_id = ?",
    "status": "UPDATE \"grant\" SET body = replace(body, 'revoked', 'active') WHERE key_id = ?",
    "digest": "UPDATE \"grant\" SET digest = substr(digest, 2) || '0' WHERE key_id = ?",
    "checksum": 'UPDATE "grant" SET checksum = checksum + 1 WHERE key_id = ?',
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(patrol, "RESTS_MOST", 0)
    world = World(tmp_path / "data")
    yield world
    world.stop()


def change(world: World, statement: str, *values: str) -> None:
    with closing(sqlite3.connect(world.folder.file("auth"), isolation_level=None)) as connection:
        assert connection.execute(statement, values).rowcount == 1


def grants(world: World) -> set[tuple[object, ...]]:
    with world.auth.database.reading() as tx:
        return {tuple(row) for row in tx.execute(select(tables.grant))}


def counted(table: str) -> float:
    return REGISTRY.get_sample_value("grillo_damaged_rows_total", {"table": table}) or 0.0


@pytest.mark.parametrize("flip", FLIPS)
def test_it_gives_no_power_until_it_is_made_again(world: World, flip: str) -> None:
    key_id, other = world.create(), world.create()
    if flip == "status":
        world.keys.commands.revoke(world.organisation, key_id, Reason.KEY_COMPROMISE, None, ORIGIN)
    world.minutes(1)
    before, snapshot, cases = grants(world), world.auth.book.snapshot(), counted("grant")
    digest = next(grant.digest for grant in snapshot.grants if grant.key_id == key_id)
    change(world, FLIPS[flip], key_id)
    assert not world.auth.is_ready()
    damaged = world.auth.book.snapshot()
    assert {grant.key_id for grant in damaged.grants} == {other}
    assert damaged.unappliable == (key_id,)
    assert not verify(world.auth.book, world.clock, digest, "sensors:read").valid
    assert counted("grant") > cases
    world.follow()
    assert grants(world) == before
    assert world.auth.is_ready()
    assert world.auth.book.snapshot() == snapshot


def test_an_event_that_changes_it_makes_nothing_right_that_is_wrong(world: World) -> None:
    """Written again as it stands, it would have the checksum of what the disk had made of it."""
    key_id = world.create()
    world.minutes(1)
    change(world, FLIPS["body"], key_id)
    world.keys.commands.suspend(world.organisation, key_id, ORIGIN)
    world.auth.subscription.pull()
    with world.auth.database.reading() as tx:
        (digest,) = tx.execute(select(tables.grant.c.digest)).scalars()
    with pytest.raises(GrantUncertain):
        world.auth.book.by_digest(digest)
    world.follow()
    grant = world.auth.book.by_digest(digest)
    assert grant is not None
    assert (grant.permissions, grant.suspended) == (frozenset({"sensors:read"}), True)


@pytest.mark.parametrize(
    "damage",
    [
        "contract = replace(contract, '90', '900')",
        "contract = substr(contract, 2)",
        "contract = NULL, checksum = NULL",  # as a release before contracts keeps it
        "tier = 'premium'",
    ],
)
def test_limits_that_are_damaged_close_the_keys_of_their_organisation_alone_until_they_are_made_again(
    world: World, damage: str
) -> None:
    world.create()
    organisations = world.keys.commands.organisations
    agreed = Contract(minute=90, day=None, concurrent=9, keys=9)
    organisations.change_tier(world.organisation, "enterprise", ORIGIN, contract=agreed)
    other = organisations.register("Another", "free", ORIGIN)
    world.minutes(1)
    before, cases = world.auth.book.snapshot(), counted("organisation_tier")
    change(world, f"UPDATE organisation_tier SET {damage} WHERE organisation_id = ?", world.organisation)  # noqa: S608
    snapshot = world.auth.book.snapshot()
    assert (snapshot.unappliable, snapshot.tiers, snapshot.contracts) == ((world.organisation,), {other: "free"}, {})
    assert counted("organisation_tier") > cases
    assert not world.auth.is_ready()
    named = str(check(world.folder, whole=False).faults[0])
    assert named.startswith(f"auth.sqlite: the tier of {world.organisation} does not match its checksum")
    world.follow()
    assert world.auth.is_ready()
    assert world.auth.book.snapshot() == before


@pytest.mark.parametrize("column", ["why", "at", "digest", "key_id"])
def test_a_dead_secret_whose_row_is_damaged_stays_dead_and_its_row_is_made_again(world: World, column: str) -> None:
    key_id = world.create()
    world.keys.commands.revoke(world.organisation, key_id, Reason.KEY_COMPROMISE, None, ORIGIN)
    world.minutes(1)
    before = world.auth.dead_secrets(None, 10)
    change(world, f"UPDATE dead_secret SET {column} = 'x' || substr({column}, 2) WHERE key_id = ?", key_id)  # noqa: S608
    (told,) = world.auth.dead_secrets(None, 10).secrets
    assert told.why == "revoked"
    assert not world.auth.is_ready()
    world.keys.commands.delete(world.organisation, key_id, ORIGIN)
    world.auth.subscription.pull()
    assert world.auth.dead_secrets(None, 10).secrets[0].why == "revoked"
    world.follow()
    (healed,) = world.auth.dead_secrets(None, 10).secrets
    assert (healed.digest, healed.key_id, healed.why) == (before.secrets[0].digest, key_id, "deleted")
    assert world.auth.is_ready()
    assert not verify(world.auth.book, world.clock, healed.digest, "sensors:read").valid


def test_the_patrol_comes_by_every_row(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patrol, "ROWS_LEAST", 2)
    monkeypatch.setattr(patrol, "ROWS_MOST", 2)
    keys = sorted(world.create() for _ in range(5))
    world.minutes(1)
    for key_id in keys:
        before = grants(world)
        change(world, FLIPS["body"], key_id)
        for _ in range(3):
            world.follow()
        assert grants(world) == before


def test_a_damaged_checkpoint_is_begun_anew_from_and_proves_nothing(world: World) -> None:
    world.live(2)
    before, cases = grants(world), counted("checkpoint")
    head = world.auth.follower.checkpoint()
    change(world, "UPDATE checkpoint SET position = position + 7")
    world.minutes(2)
    assert world.auth.follower.checkpoint() == head
    assert grants(world) == before
    assert counted("checkpoint") > cases
    assert head is not None
    assert all(anchor.checkpoint.position <= head.position for anchor in world.auth.follower.anchors())
