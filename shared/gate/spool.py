"""One process's segment of metered requests on disk: appended before an answer leaves, deleted once counted.

A record is a frame of length, CRC-32 and payload, added with one write. There is no fsync: a record survives
the death of the process, which is what SIGKILL tests; it may not survive the death of the machine.
"""

import fcntl
import os
import secrets
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

_FRAME = struct.Struct("<II")  # payload bytes, CRC-32 of the payload
_PAYLOAD_BYTES_MAX = 64 * 1024


class SegmentInUse(Exception):
    """Another living process holds the lock of this segment."""


class Segment:
    """A locked segment file with, beside it, the extents of the batches that were ever published from it.

    An extent is written down before its first publication: a retry, even by another process years later,
    finds the same boundaries and so sends the same bytes under the same identity.
    """

    def __init__(self, path: Path) -> None:
        """Opens or creates, and locks. Raises SegmentInUse."""
        self.name = path.stem
        self.path, self._extents_path = path, path.with_suffix(".extents")
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise SegmentInUse(self.name) from error
        self.size = self._trusted_size()
        self.extents = self._read_extents()

    @classmethod
    def create(cls, folder: Path) -> "Segment":
        return cls(folder / f"{secrets.token_hex(8)}.segment")

    @property
    def cut(self) -> int:
        """Where the next extent starts."""
        return self.extents[-1][1] if self.extents else 0

    def append(self, payload: bytes) -> None:
        """Raises OSError when the disk will not take it; the segment is then as it was before."""
        frame = _FRAME.pack(len(payload), zlib.crc32(payload)) + payload
        written = os.write(self._file, frame)
        if written != len(frame):
            os.ftruncate(self._file, self.size)
            raise OSError(f"{self.path}: only {written} of {len(frame)} bytes were written")
        self.size += written

    def cut_extent(self, bytes_max: int) -> tuple[int, int] | None:
        """Fixes the next batch: whole records past the last cut, about `bytes_max` bytes; None if there are none."""
        start = end = self.cut
        for payload in self._frames(start, self.size):
            end += _FRAME.size + len(payload)
            if end - start >= bytes_max:
                break
        if end == start:
            return None
        with self._extents_path.open("a") as extents:
            extents.write(f"{start} {end}\n")
        self.extents.append((start, end))
        return start, end

    def payloads(self, start: int, end: int) -> list[bytes]:
        return list(self._frames(start, end))

    def discard(self) -> None:
        """Deletes the segment, then its extents: never the other way, or offsets would be cut anew."""
        self.path.unlink(missing_ok=True)
        self._extents_path.unlink(missing_ok=True)
        os.close(self._file)

    def close(self) -> None:
        """Leaves the files for whoever adopts them."""
        os.close(self._file)

    def _frames(self, start: int, end: int) -> Iterator[bytes]:
        """The payloads of whole, intact frames; stops at the first that is not."""
        at = start
        while at + _FRAME.size <= end:
            length, checksum = _FRAME.unpack(os.pread(self._file, _FRAME.size, at))
            if length > _PAYLOAD_BYTES_MAX or at + _FRAME.size + length > end:
                return
            payload = os.pread(self._file, length, at + _FRAME.size)
            if len(payload) != length or zlib.crc32(payload) != checksum:
                return
            yield payload
            at += _FRAME.size + length

    def _trusted_size(self) -> int:
        """The end of the last whole record. A torn one, its writer killed in the act, was never answered."""
        length = os.fstat(self._file).st_size
        return sum(_FRAME.size + len(payload) for payload in self._frames(0, length))

    def _read_extents(self) -> list[tuple[int, int]]:
        if not self._extents_path.exists():
            return []
        extents: list[tuple[int, int]] = []
        for line in self._extents_path.read_text().splitlines(keepends=True):
            words = line.split()
            # A torn last line was never published from: its batch is cut again.
            if line.endswith("\n") and len(words) == 2:
                extents.append((int(words[0]), int(words[1])))
        return extents


def abandoned(folder: Path) -> Iterator[Segment]:
    """Locks and opens the segments whose processes are gone."""
    for path in sorted(folder.glob("*.segment")):
        try:
            yield Segment(path)
        except (SegmentInUse, FileNotFoundError):
            continue
