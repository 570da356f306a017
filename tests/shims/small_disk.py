"""A disk of a few megabytes, for a test to fill: a file system in memory, mounted for as long as it lasts."""

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path


class SmallDisk:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    @property
    def free_bytes(self) -> int:
        told = os.statvfs(self.path)
        return told.f_bavail * told.f_frsize

    def leave(self, free_bytes: int) -> None:
        """Fills it with ballast, but for so much."""
        self.relieve()
        with self._ballast.open("wb") as ballast:
            while (fill := self.free_bytes - free_bytes) > 0:
                try:
                    os.posix_fallocate(ballast.fileno(), 0, fill)
                except OSError as error:
                    if error.errno != errno.ENOSPC:  # a server has written something since it was asked
                        raise
                else:
                    return

    def relieve(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(path: Path, mebibytes: int) -> Iterator[SmallDisk]:
    """Needs root."""
    path.mkdir()
    subprocess.run(["/usr/bin/mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(path)], check=True)
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["/usr/bin/umount", "--lazy", str(path)], check=True)
