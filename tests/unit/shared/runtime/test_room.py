"""What a disk has room for, by what its file system says of itself."""

import errno
import os
from pathlib import Path

import pytest

from shared.runtime.room import ORDINARY_BYTES, ORDINARY_FILES, START_FILES, URGENT_BYTES, Room


@pytest.mark.parametrize(
    ("free_bytes", "files", "flags", "ordinary", "urgent"),
    [
        (ORDINARY_BYTES, (1000, ORDINARY_FILES), 0, None, None),
        (ORDINARY_BYTES - 4096, (1000, 1000), 0, errno.ENOSPC, None),
        (URGENT_BYTES - 4096, (1000, 1000), 0, errno.ENOSPC, errno.ENOSPC),
        (2**40, (1000, 1000), os.ST_RDONLY, errno.EROFS, errno.EROFS),
        (2**40, (1000, ORDINARY_FILES - 1), 0, errno.ENOSPC, None),  # ending a key makes no file
        (2**40, (0, 0), 0, None, None),  # Btrfs
    ],
)
def test_what_is_left_is_kept_for_what_is_urgent_and_what_is_read_only_takes_nothing(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    free_bytes: int,
    files: tuple[int, int],
    flags: int,
    ordinary: int | None,
    urgent: int | None,
) -> None:
    blocks = free_bytes // 4096
    monkeypatch.setattr(
        os,
        "statvfs",
        lambda _: os.statvfs_result((4096, 4096, 2**30, blocks, blocks, files[0], files[1], files[1], flags, 255)),
    )
    room = Room(tmp_path)
    assert room.has() == (ordinary is None)
    for is_urgent, number in ((False, ordinary), (True, urgent)):
        if number is None:
            room.check(urgent=is_urgent)
            continue
        with pytest.raises(OSError, match=str(tmp_path)) as refused:
            room.check(urgent=is_urgent)
        assert refused.value.errno == number


def test_a_start_that_could_not_make_its_files_is_told_of_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.check_files(1)
    told = os.statvfs(tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((*told[:5], 1000, 31, 31, *told[8:])))
    with pytest.raises(OSError, match="files") as refused:
        room.check_files(START_FILES)
    assert refused.value.errno == errno.ENOSPC
