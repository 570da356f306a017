"""Room left on the disk of a data folder: some of it is kept for ending keys, when nothing else is written any more.

A disk that fills takes no commits at all, a revocation's no more than others. So all else stops earlier. So it does
where few more files can be made: a key is ended in files that are there, but a database that is opened anew makes some.
"""

import errno
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

ORDINARY_BYTES = 64 * 2**20
URGENT_BYTES = 4 * 2**20
ORDINARY_FILES, START_FILES = 256, 32


class Room:
    """Of the disk that `folder` is on; the folder must be there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, floor_bytes: int = ORDINARY_BYTES) -> bool:
        """Not where nothing can be written, either: a disk with faults is mounted anew to be read only."""
        told = os.statvfs(self._folder)
        if _is_read_only(told) or (floor_bytes >= ORDINARY_BYTES and not _takes_files(told)):
            return False
        return told.f_bavail * told.f_frsize >= floor_bytes

    def check(self, *, urgent: bool = False, size: int = 0) -> None:
        """Raises OSError (ENOSPC, EROFS) where nothing is written any more, or nothing that is not `urgent`.

        `size`: bytes.
        """
        floor = URGENT_BYTES if urgent else ORDINARY_BYTES
        if self.has(floor + size):
            return
        if _is_read_only(os.statvfs(self._folder)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self._folder))
        if not urgent:
            self.check_files(ORDINARY_FILES)
        raise OSError(errno.ENOSPC, f"less than {floor // 2**20} MiB are left on the disk", str(self._folder))

    def check_files(self, count: int) -> None:
        """Raises OSError (ENOSPC) where fewer can be made."""
        if not _takes_files(os.statvfs(self._folder), count):
            raise OSError(errno.ENOSPC, f"less than {count} files can be made on the disk", str(self._folder))


class OrdinaryFile(io.FileIO):
    """A new file of the owner's, which stops growing where what is left of the disk is kept for what is urgent."""

    def __init__(self, path: Path, room: Room) -> None:
        super().__init__(path, "x+", opener=_owner_s)
        self._room = room

    def write(self, data: "ReadableBuffer", /) -> int:
        """Raises OSError (ENOSPC)."""
        self._room.check(size=memoryview(data).nbytes)
        return super().write(data)


def _is_read_only(told: os.statvfs_result) -> bool:
    return bool(told.f_flag & os.ST_RDONLY)


def _takes_files(told: os.statvfs_result, count: int = ORDINARY_FILES) -> bool:
    """A file system that has no number of them (inodes) says 0 of 0."""
    return not told.f_files or told.f_favail >= count


def _owner_s(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
