"""What a disk has room for, by what its file system says of itself."""

import errno
import os
from pathlib import Path

import pytest

from shared.runtime.room import ORDINARY_BYTES, URGENT_BYTES, Room


@pytest.mark.parametrize(
    ("free_bytes", "flags", "ordinary", "urgent"),
    [
        (ORDINARY_BYTES, 0, None, None),
        (ORDINARY_BYTES - 4096, 0, errno.ENOSPC, None),
        (URGENT_BYTES - 4096, 0, errno.ENOSPC, errno.ENOSPC),
        (2**40, os.ST_RDONLY, errno.EROFS, errno.EROFS),
    ],
)
def test_what_is_left_is_kept_for_what_is_urgent_and_what_is_read_only_takes_nothing(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    free_bytes: int,
    flags: int,
    ordinary: int | None,
    urgent: int | None,
) -> None:
    blocks, told = free_bytes // 4096, os.statvfs(tmp_path)
    monkeypatch.setattr(
        os, "statvfs", lambda _: os.statvfs_result((4096, 4096, 2**30, blocks, blocks, *told[5:8], flags, 255))
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
