"""A damaged write-ahead log is named before SQLite drops what lies behind the damage; a torn end is no damage."""

import random
import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest

from services.embedded.soundness.write_ahead_log import WriteAheadLog, damage_of

_HEADER, _FRAME = 32, 24 + 512


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose process died: one large commit and many small ones lie in its write-ahead log alone."""
    folder = tmp_path_factory.mktemp("crashed")
    with closing(sqlite3.connect(folder / "running.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA page_size=512")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("CREATE TABLE event (position INTEGER PRIMARY KEY, data TEXT)")
        connection.execute("PRAGMA wal_checkpoint(RESTART)")  # what follows overwrites an earlier log's beginning
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO event VALUES (?, hex(randomblob(90)))", [(number,) for number in range(12)])
        connection.execute("COMMIT")
        for position in range(100, 110):
            connection.execute("INSERT INTO event VALUES (?, hex(randomblob(20)))", (position,))
        for name in ("running.sqlite", "running.sqlite-wal"):
            shutil.copy(folder / name, folder / name.replace("running", "crashed"))
    return folder / "crashed.sqlite"


def content(database: Path) -> list[tuple[int, str]]:
    with closing(sqlite3.connect(database)) as connection:
        try:
            return connection.execute("SELECT * FROM event ORDER BY position").fetchall()
        except sqlite3.DatabaseError:
            return []


def copied(crashed: Path, folder: Path, log: bytes) -> Path:
    copy = folder / "copy.sqlite"
    shutil.copy(crashed, copy)
    copy.with_name("copy.sqlite-wal").write_bytes(log)
    return copy


@pytest.fixture
def log(crashed: Path) -> bytes:
    return crashed.with_name("crashed.sqlite-wal").read_bytes()


def test_a_log_that_a_crash_left_is_sound_and_so_is_none(crashed: Path, log: bytes, tmp_path: Path) -> None:
    assert len(log) > _HEADER + 15 * _FRAME
    assert damage_of(crashed) is None
    assert damage_of(tmp_path / "nothing.sqlite") is None
    assert len(content(copied(crashed, tmp_path, log))) == 22


@pytest.mark.parametrize("seed", range(12))
def test_whatever_byte_is_flipped_nothing_that_was_committed_is_lost_unnamed(
    crashed: Path, log: bytes, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    whole = content(copied(crashed, tmp_path, log))
    for _ in range(25):
        place, by = chance.randrange(len(log)), chance.randrange(1, 256)
        flipped = log[:place] + bytes([log[place] ^ by]) + log[place + 1 :]
        if content(copied(crashed, tmp_path, flipped)) != whole:
            assert WriteAheadLog(flipped).damage() is not None, (place, by)


@pytest.mark.parametrize("frame", [0, 3, 15])
def test_a_whole_damaged_page_is_named_where_the_log_goes_on_behind_it(log: bytes, frame: int) -> None:
    page = _HEADER + frame * _FRAME + 24
    assert f"frame {frame + 1} is damaged" in str(WriteAheadLog(log[:page] + bytes(512) + log[page + 512 :]).damage())


@pytest.mark.parametrize("part", ["salt", "checksum", "page", "page number", "commit mark"])
def test_the_very_last_commit_is_not_lost_unnamed_either(log: bytes, part: str) -> None:
    """Nothing behind it shows that the log went on: one changed word explains its checksums, or it still has them."""
    last = _HEADER + (len(log) - _HEADER) // _FRAME * _FRAME - _FRAME
    place = last + {"page number": 3, "commit mark": 7, "salt": 9, "checksum": 17, "page": 24 + 77}[part]
    flipped = log[:place] + bytes([log[place] ^ 0x10]) + log[place + 1 :]
    assert "damaged" in (WriteAheadLog(flipped).damage() or "")


def test_an_end_that_was_cut_off_or_torn_is_no_damage(log: bytes) -> None:
    """As a process leaves it that dies between two writes: a new frame's header, with an older frame's page."""
    for cut in (0, 1, 31, 32, 33, 60, _HEADER + _FRAME, len(log) - 1, len(log) - 300, len(log) - _FRAME - 20):
        assert WriteAheadLog(log[:cut]).damage() is None
    last, one_before = len(log) - _FRAME, len(log) - 2 * _FRAME
    torn = log[: last + 24] + random.Random(7).randbytes(512)
    assert WriteAheadLog(torn).damage() is None
    half = log[: last + 24] + log[last + 24 : last + 24 + 256] + log[one_before + 24 + 256 : one_before + 24 + 512]
    assert WriteAheadLog(half).damage() is None


def test_frames_that_an_earlier_log_left_behind_the_end_are_no_damage(log: bytes) -> None:
    earlier = bytearray(log[-_FRAME:])
    struct.pack_into(">I", earlier, 8, 1)  # another salt, and so another checksum
    struct.pack_into(">II", earlier, 16, 1, 2)
    assert WriteAheadLog(log + bytes(earlier) * 3).damage() is None
