"""What was done to a data folder is named at the start, whichever of its files it was done to, and stays named."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.cli.host.rebuild import rebuild
from services.cli.host.restoring.sensors import accept as accept_sensors
from services.embedded.data_folder import DataFolder
from services.embedded.soundness.folder_check import check
from services.embedded.soundness.whole_check import WholeCheck
from tests.integration.embedded.soundness.data_folder_world import SERVICES, World, found, put_back, told
from tests.intruder import rechain

STARTS = 3
# What gives or takes power, and what is the truth.
POWER = {
    "keys": ("log", "log_head"),
    "auth": ("grant", "checkpoint", "dead_secret", "organisation_tier"),
    "usage": ("checkpoint",),
    "sensors": ("log",),
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "data")
    yield world
    world.stop()


def content(folder: DataFolder, tables: dict[str, tuple[str, ...]] = POWER) -> dict[str, list[tuple[object, ...]]]:
    """As SQLite shows it when the files are opened."""
    shown: dict[str, list[tuple[object, ...]]] = {}
    for service, names in tables.items():
        with closing(sqlite3.connect(folder.file(service))) as connection:
            connection.text_factory = bytes
            for name in names:
                try:
                    shown[f"{service}.{name}"] = sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr)  # noqa: S608
                except sqlite3.DatabaseError:
                    shown[f"{service}.{name}"] = []
    return shown


def change(folder: DataFolder, service: str, *statements: str, chain: bool = False) -> None:
    with closing(sqlite3.connect(folder.file(service), isolation_level=None)) as connection:
        for statement in statements:
            before = list(connection.iterdump())
            connection.execute(statement)
            assert list(connection.iterdump()) != before, "what changes nothing is no damage"
        if chain:
            rechain(connection)


def test_a_folder_that_was_just_made_and_one_that_a_crash_left_are_sound(world: World, tmp_path: Path) -> None:
    assert found(DataFolder(tmp_path / "empty")) == []
    world.live()
    crashed = world.copy(tmp_path / "crashed")
    for _ in range(STARTS):
        assert found(crashed) == []
    world.stop()
    assert found(world.folder) == []
    world.start()
    world.live(1)
    world.stop()
    assert told(check(world.folder)) == []


@pytest.mark.parametrize(
    ("service", "statement", "named"),
    [
        ("keys", "UPDATE log SET data = replace(data, 'sensors:read', 'admin') WHERE position = 3", "row 8 of its log"),
        ("keys", "DELETE FROM log WHERE position > 3", "row 4 of its log"),
        ("sensors", "UPDATE log SET data = '{}' WHERE position = 1", "row 3 of its log"),
        ("sensors", "DELETE FROM log WHERE position = 3", "row 3 of its log"),
    ],
    ids=["keys rewritten", "keys cut", "sensors rewritten", "sensors cut"],
)
def test_a_log_rewritten_or_cut_with_all_hashes_made_right_is_named_at_each_start(
    world: World, service: str, statement: str, named: str
) -> None:
    world.live()
    world.stop()
    change(world.folder, service, statement, chain=True)
    for _ in range(STARTS):
        (first, *_) = found(world.folder)
        assert first.startswith(f"{service}.sqlite: ")
        assert named.split(" of ")[0].split()[0] in first
        assert "auth" in first
        assert "grillo restore accept" in first


@pytest.mark.parametrize(
    ("service", "statement", "named"),
    [
        (
            "auth",
            "UPDATE \"grant\" SET body = replace(body, 'sensors:read', 'config:write')",
            "auth.sqlite: the grant of",
        ),
        ("auth", 'UPDATE "grant" SET digest = substr(digest, 2) || substr(digest, 1, 1)', "auth.sqlite: the grant of"),
        ("auth", "UPDATE dead_secret SET why = 'revokee'", "auth.sqlite: 1 rows of secrets that were ended"),
        ("auth", "UPDATE checkpoint SET position = position - 1", "auth.sqlite: the checkpoint of auth.grants"),
        (
            "usage",
            "UPDATE checkpoint SET hash = substr(hash, 2) || substr(hash, 1, 1)",
            "usage.sqlite: the checkpoint of usage",
        ),
        (
            "keys",
            "UPDATE log_head SET divergence = ''",
            "what is remembered of its having been put back cannot be read",
        ),
        ("keys", "UPDATE log_head SET divergence = 0", "what is remembered of its having been put back cannot be read"),
        ("auth", "UPDATE kept_head SET seen_at = replace(seen_at, '12', '13')", "keys.sqlite: row"),
        (
            "auth",
            "UPDATE kept_head SET position = position + 40 WHERE follower = 'auth.sensors'",
            "sensors.sqlite: row",
        ),
    ],
)
def test_a_row_that_gives_power_or_proves_something_is_named_if_it_is_not_as_it_was_written(
    world: World, service: str, statement: str, named: str
) -> None:
    world.live()
    world.stop()
    change(world.folder, service, statement)
    for _ in range(STARTS):
        assert named in found(world.folder)[0]


@pytest.mark.parametrize("service", SERVICES)
def test_each_database_put_back_alone_by_an_hour_is_named(world: World, service: str, tmp_path: Path) -> None:
    world.live()
    world.follow()
    older = world.copy(tmp_path / "older")
    world.minutes(60)
    world.live()
    world.follow()
    world.stop()
    assert found(world.folder) == []
    put_back(world.folder, service, older)
    for _ in range(STARTS):
        faults = found(world.folder)
        assert faults
        assert {fault.partition(".")[0] for fault in faults} == {service}
    if service == "usage":
        assert "what it counted between the two is gone" in faults[0]


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_release_has_yet_to_migrate_is_no_damage_and_is_looked_into_afterwards(
    world: World, service: str
) -> None:
    """Whichever service's tables it changes: a first start of it is ordinary life."""
    world.live()
    world.follow()
    world.stop()
    change(world.folder, service, "UPDATE alembic_version SET version_num = '0001'")
    report = check(world.folder, whole=False)
    assert told(report) == []
    assert report.left_out == {service}
    whole = WholeCheck(world.folder)
    whole.start_unless_done(report)
    assert whole.is_running
    whole.stop()


def test_what_auth_lost_is_made_again_by_the_command_that_the_line_names(world: World, tmp_path: Path) -> None:
    world.live()
    world.follow()
    older = world.copy(tmp_path / "older")
    world.minutes(60)
    world.live()
    world.follow()
    before = content(world.folder, {"auth": ("grant", "dead_secret", "checkpoint")})
    world.stop()
    put_back(world.folder, "auth", older)
    assert "grillo rebuild auth --data " in found(world.folder)[0]
    rebuild("auth", data=world.folder.path, as_json=True)
    assert found(world.folder) == []
    assert content(world.folder, {"auth": ("grant", "dead_secret", "checkpoint")}) == before


def test_a_log_of_sensors_that_was_cut_is_accepted_by_the_command_that_the_line_names(world: World) -> None:
    world.live()
    world.stop()
    change(world.folder, "sensors", "DELETE FROM log WHERE position = 3", chain=True)
    assert "grillo restore accept --log sensors " in found(world.folder)[0]
    for yes in (False, True):
        accept_sensors(world.folder.path, yes=yes, as_json=True)
        assert bool(found(world.folder)) is not yes
    world.start()
    world.register_sensor()
    world.minutes()
    world.stop()
    change(world.folder, "sensors", "DELETE FROM log WHERE position = 3", chain=True)
    assert "row 3 of its log" in found(world.folder)[0]


def test_a_database_that_is_gone_is_named(world: World, tmp_path: Path) -> None:
    world.live()
    world.follow()
    world.stop()
    world.folder.file("keys").rename(tmp_path / "keys.sqlite")
    assert "keys.sqlite: it is missing" in found(world.folder)[0]
    (tmp_path / "keys.sqlite").rename(world.folder.file("keys"))
    world.folder.file("auth").unlink()
    assert "auth.sqlite: it was put back" in found(world.folder)[0]


@pytest.mark.parametrize("is_empty", [False, True])
def test_a_log_of_sensors_that_is_gone_is_named_until_that_is_accepted(world: World, is_empty: bool) -> None:
    world.live()
    world.minutes()
    world.stop()
    for file in world.folder.path.glob("sensors.sqlite*"):
        file.write_bytes(b"") if is_empty else file.unlink()
    for _ in range(STARTS):
        assert "sensors.sqlite: it is missing" in found(world.folder)[0]
    accept_sensors(world.folder.path, yes=True, as_json=False)
    assert found(world.folder) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_torn_file_is_named_and_so_is_one_that_is_no_database(world: World, service: str) -> None:
    world.live()
    world.stop()
    file = world.folder.file(service)
    whole = file.read_bytes()
    for torn in (whole[: len(whole) // 2], whole[:5000], b"junk " * 1000):
        file.write_bytes(torn)
        for _ in range(STARTS):
            assert found(world.folder)[0].startswith(f"{service}.sqlite: it cannot be used: ")
        assert file.read_bytes() == torn


@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_byte_changes_nothing_of_power_unnamed_and_loses_no_commit_unnamed(
    world: World, tmp_path: Path, seed: int
) -> None:
    world.live(2)
    world.clock.advance(3)
    world.revoke(world.create())
    world.follow()
    original = world.copy(tmp_path / "original")
    crashed = world.copy(tmp_path / "crashed")
    before, named = content(original), 0
    chance = random.Random(seed)
    files = sorted(file.name for file in crashed.path.glob("*.sqlite*") if not file.name.endswith("-shm"))
    for _ in range(10):
        for file in crashed.path.glob("*.sqlite*"):
            file.unlink()
        world.copy(crashed.path)
        name = chance.choice(files)
        damaged = bytearray((crashed.path / name).read_bytes())
        if not damaged:
            continue
        place = chance.randrange(len(damaged))
        damaged[place] ^= chance.randrange(1, 256)
        (crashed.path / name).write_bytes(damaged)
        found(crashed)
        faults = found(crashed)  # at the second start, too
        named += bool(faults)
        assert faults or content(crashed) == before, (name, place)


def test_a_lost_signing_key_or_another_one_in_the_midst_is_no_fault(world: World) -> None:
    world.live()
    world.stop()
    for name in ("keys-signing-key", "sensors-signing-key"):
        (world.folder.path / name).unlink()
    world.start()
    world.live(1)
    world.stop()
    assert found(world.folder) == []
