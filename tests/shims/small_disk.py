"""A disk of a few megabytes, for a test to fill: a file system in memory, mounted for as long as it lasts."""

import contextlib
import errno
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

_FILES_MAX = 16_384  # more than GrilloDiskFilling is told of


class SmallDisk:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast, self._many = path / "ballast", path / "many"

    @property
    def free_bytes(self) -> int:
        told = os.statvfs(self.path)
        return told.f_bavail * told.f_frsize

    def leave(self, free_bytes: int | None = None, *, files: int | None = None) -> None:
        """Fills it with ballast, but for so much; or has as many files as there can be (inodes), but for so many."""
        self.relieve()
        if files is not None:
            self._many.mkdir()
            while os.statvfs(self.path).f_favail > files:
                with contextlib.suppress(OSError):  # a server has made one since it was asked
                    (self._many / secrets.token_hex(8)).touch()
        if free_bytes is not None:
            self._fill(free_bytes)

    def _fill(self, free_bytes: int) -> None:
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
        shutil.rmtree(self._many, ignore_errors=True)


@contextlib.contextmanager
def small_disk(path: Path, mebibytes: int) -> Iterator[SmallDisk]:
    """Needs root."""
    path.mkdir()
    options = f"size={mebibytes}m,nr_inodes={_FILES_MAX}"
    subprocess.run(["/usr/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=True)
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["/usr/bin/umount", "--lazy", str(path)], check=True)
