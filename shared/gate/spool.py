"""One process's segment of metered requests on disk: appended before an answer leaves, deleted once counted.

A record is a frame of length, CRC-32 and payload, added with one write. There is no fsync: a record survives
the death of the process, which is what SIGKILL tests; it may not survive the death of the machine.
"""

import fcntl
import os
import re
import secrets
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

_FRAME = struct.Struct("<II")  # payload bytes, CRC-32 of the payload
_PAYLOAD_BYTES_MAX = 64 * 1024
_EXTENT = re.compile(rb"(\d{1,15}) (\d{1,15})")


class SegmentInUse(Exception):
    """Another living process holds the lock of this segment."""


class Segment:
    """A locked segment file with, beside it, the extents of the batches that were ever published from it.

    An extent is written down before its first publication: a retry, even by another process years later,
    finds the same boundaries and so sends the same bytes under the same identity.
    """

    def __init__(self, path: Path, *, new: bool = False) -> None:
        """Opens and locks; `new`: creates first. Raises SegmentInUse, or OSError when there is no such file."""
        self.name = path.stem
        self.path, self._extents_path = path, path.with_suffix(".extents")
        self._file = _open_locked(path, os.O_CREAT if new else 0)
        self.size = self._trusted_size()
        self.torn_bytes = os.fstat(self._file).st_size - self.size
        self.extents = self._read_extents()

    @classmethod
    def create(cls, folder: Path) -> "Segment":
        while True:
            try:
                return cls(folder / f"{secrets.token_hex(8)}.segment", new=True)
            except SegmentInUse:
                # Before it was locked another process took it for a dead one's. It finds nothing in it.
                continue

    @property
    def cut(self) -> int:
        """Where the next extent starts."""
        return self.extents[-1][1] if self.extents else 0

    def append(self, payload: bytes) -> None:
        """Raises OSError when the disk will not take it; the segment is then as it was before."""
        if not 0 < len(payload) <= _PAYLOAD_BYTES_MAX:
            raise OSError(f"{self.path}: no record has {len(payload)} bytes")
        frame = _FRAME.pack(len(payload), zlib.crc32(payload)) + payload
        _write_whole(self._file, frame, self.size)
        self.size += len(frame)

    def cut_extent(self, bytes_max: int) -> tuple[int, int] | None:
        """Fixes the next batch: whole records past the last cut, about `bytes_max` bytes; None if there are none.

        Raises OSError when the disk will not take the extent; it is then cut anew the next time.
        """
        start = end = self.cut
        for payload in self._frames(start, self.size):
            end += _FRAME.size + len(payload)
            if end - start >= bytes_max:
                break
        if end == start:
            return None
        self._write_extent(f"{start} {end}\n".encode())
        self.extents.append((start, end))
        return start, end

    def payloads(self, start: int, end: int) -> list[bytes]:
        return list(self._frames(start, end))

    def discard(self) -> None:
        """Deletes the segment, then its extents: never the other way, or offsets would be cut anew."""
        self.path.unlink(missing_ok=True)
        self._extents_path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Leaves the files for whoever adopts them. A record that comes later is refused, whatever is open by then."""
        file, self._file = self._file, -1
        os.close(file)

    def _frames(self, start: int, end: int) -> Iterator[bytes]:
        """The payloads of whole, intact frames; stops at the first that is not."""
        at = start
        while at + _FRAME.size <= end:
            length, checksum = _FRAME.unpack(os.pread(self._file, _FRAME.size, at))
            # A power cut may leave zeros at the end, which would read as empty records for ever.
            if not 0 < length <= _PAYLOAD_BYTES_MAX or at + _FRAME.size + length > end:
                return
            payload = os.pread(self._file, length, at + _FRAME.size)
            if len(payload) != length or zlib.crc32(payload) != checksum:
                return
            yield payload
            at += _FRAME.size + length

    def _trusted_size(self) -> int:
        """The end of the last whole record. A torn one, its writer killed in the act, was never answered."""
        return sum(_FRAME.size + len(payload) for payload in self._frames(0, os.fstat(self._file).st_size))

    def _write_extent(self, line: bytes) -> None:
        file = os.open(self._extents_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _write_whole(file, line, os.fstat(file).st_size)
        finally:
            os.close(file)

    def _read_extents(self) -> list[tuple[int, int]]:
        if not self._extents_path.exists():
            return []
        written = self._extents_path.read_bytes()
        # A torn last line was never published from: its batch is cut again, and nothing is written behind it.
        whole = written[: written.rfind(b"\n") + 1]
        if whole != written:
            os.truncate(self._extents_path, len(whole))
        found = (_EXTENT.fullmatch(line) for line in whole.splitlines())
        return [(int(extent[1]), int(extent[2])) for extent in found if extent]


def abandoned(folder: Path) -> Iterator[Segment]:
    """Locks and opens the segments whose processes are gone; leaves what cannot be opened."""
    for path in sorted(folder.glob("*.segment")):
        try:
            yield Segment(path)
        except (SegmentInUse, OSError):
            continue


def _open_locked(path: Path, flags: int) -> int:
    """Raises SegmentInUse; also when the file's last holder deleted it between its opening here and its lock."""
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | flags, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(file), path.stat()):
            raise FileNotFoundError(path)
    except OSError as error:
        os.close(file)
        raise SegmentInUse(path.stem) from error
    return file


def _write_whole(file: int, data: bytes, size: int) -> None:
    """Appends with one write. Raises OSError, the file being of `size` bytes as before, when a part was taken."""
    written = os.write(file, data)
    if written != len(data):
        os.ftruncate(file, size)
        raise OSError(f"the disk took {written} of {len(data)} bytes")
