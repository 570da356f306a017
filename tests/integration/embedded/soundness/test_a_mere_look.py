"""`grillo restore accept` without --yes tells what would be done and changes no byte, whatever the files are like."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.host.restoring import restore
from services.embedded.data_folder import DataFolder
from tests.integration.embedded.soundness.data_folder_world import World, found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "data")
    yield world
    world.stop()


def files(folder: DataFolder) -> dict[str, bytes]:
    """But for SQLite's index of a write-ahead log, which it makes again from it, and a log that is empty."""
    shown = (file for file in folder.path.iterdir() if file.is_file() and not file.name.endswith("-shm"))
    return {file.name: content for file in shown if (content := file.read_bytes())}


def accept(folder: DataFolder, *more: str) -> Any:
    options = ["accept", "--reason", "a drill", "--data", str(folder.path), "--json", *more]
    done = CliRunner().invoke(restore.app, options)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_damaged_end_of_a_write_ahead_log_stays_until_it_is_accepted(world: World, tmp_path: Path) -> None:
    world.live()
    killed = world.copy(tmp_path / "killed")
    log = killed.path / "keys.sqlite-wal"
    damaged = bytearray(log.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    log.write_bytes(damaged)
    before, faults = files(killed), found(killed)
    assert "keys.sqlite: of its write-ahead log its frame" in faults[0]
    looked = accept(killed)
    assert (looked["accepted"], looked["lost"] is not None) == (False, True)
    assert looked["created"]
    accept(killed, "--log", "sensors")
    assert files(killed) == before
    assert found(killed) == faults
    done = accept(killed, "--yes")
    assert (done["accepted"], done["created"]) == (True, looked["created"])
    assert found(killed) == []


def test_an_earlier_schema_is_not_migrated_by_a_look(world: World, tmp_path: Path) -> None:
    world.live(1)
    world.stop()
    usage = world.folder.database("usage")
    with usage.transaction() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = '0016'")
    usage.close()
    before = files(world.folder)
    options = ["accept", "--reason", "a drill", "--data", str(world.folder.path)]
    told = CliRunner().invoke(restore.app, options)
    assert told.exit_code == 1
    assert "The database of usage is of an earlier version" in str(told.exception)
    assert files(world.folder) == before
