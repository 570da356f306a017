"""Write-ahead spool segment: metered requests of one process on disk, appended before an answer, deleted once counted.

A record is a frame of length, CRC-32 and payload, written into a shared mapping of the file: kernel memory, not the
process's own, and no system call. There is no fsync: a record survives the death of the process, which is what SIGKILL
tests; it may not survive the death of the machine.
"""

import fcntl
import mmap
import os
import re
import secrets
import struct
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final
from zlib import crc32

from shared.runtime.room import Room

_FRAME = struct.Struct("<II")  # payload bytes, CRC-32 of the payload
FRAME_BYTES: Final = _FRAME.size  # what a record takes in its segment beside its payload
_pack_into: Final = _FRAME.pack_into
_PAYLOAD_BYTES_MAX: Final = 64 * 1024
# Disk space is allocated ahead of the records, in steps: writing to a mapping without space would kill the process.
_ROOM_BYTES = 1024 * 1024
_READ_BYTES = 256 * 1024
_EXTENT = re.compile(rb"(\d{1,15}) (\d{1,15})")


class SegmentInUse(Exception):
    """Another living process holds the lock of this segment."""


class SpoolSegment:
    """A locked segment file and, in a file beside it, the extents of all batches ever published from it.

    An extent is written before its batch is first published. So a retry, even by another process years later, finds
    the same boundaries and sends the same bytes under the same identity.
    """

    def __init__(self, path: Path, *, new: bool = False, disk: Room | None = None) -> None:
        """Opens and locks; `new`: creates first. Raises SegmentInUse, or OSError when there is no such file.

        `disk`: whose last part is kept for others.
        """
        self.name, self._disk = path.stem, disk
        self.path, self._extents_path = path, path.with_suffix(".extents")
        self._file = _open_locked(path, os.O_CREAT if new else 0)
        self._room: mmap.mmap | None = None  # made at the first append
        self._room_bytes = 0
        # Offsets at which records end: of those in no extent yet, and, by extent's start, of extents that were cut here
        # but not read yet. So neither cutting nor reading has to look at each record again.
        self._ends = self._whole_records()
        self._ends_of: dict[int, array[int]] = {}
        self.size = self._ends[-1] if self._ends else 0
        self.extents = self._read_extents()
        del self._ends[: bisect_right(self._ends, self.cut)]

    @classmethod
    def create(cls, folder: Path, disk: Room | None = None) -> "SpoolSegment":
        while True:
            try:
                return cls(folder / f"{secrets.token_hex(8)}.segment", new=True, disk=disk)
            except SegmentInUse:
                # Another process locked it first, taking it for abandoned. It finds nothing in it.
                continue

    @property
    def cut(self) -> int:
        """Where the next extent starts."""
        return self.extents[-1][1] if self.extents else 0

    def append(self, payload: bytes) -> None:
        """Appends one record. Raises OSError when the disk has no space; the segment is then unchanged."""
        length = len(payload)
        if not 0 < length <= _PAYLOAD_BYTES_MAX:
            raise OSError(f"{self.path}: no record has {length} bytes")
        start = self.size
        end = start + FRAME_BYTES + length
        room = self._room
        if room is None or end > self._room_bytes:
            room = self._make_room(end)
        _pack_into(room, start, length, crc32(payload))
        room[start + FRAME_BYTES : end] = payload
        self.size = end
        self._ends.append(end)

    def torn_bytes(self) -> int:
        """Bytes after the last whole record: their writer was killed while writing, before the request was answered."""
        behind = os.pread(self._file, _ROOM_BYTES + _PAYLOAD_BYTES_MAX, self.size)
        return len(behind.rstrip(b"\0"))

    def cut_extent(self, bytes_max: int) -> tuple[int, int] | None:
        """Fixes the next batch, (start, end): whole records after the last cut, about `bytes_max` bytes; or None.

        Raises OSError when the disk has no space for the extent; the next call cuts it again.
        """
        start = self.cut
        ends = self._ends[: bisect_left(self._ends, start + bytes_max) + 1]
        if not ends:
            return None
        end = ends[-1]
        self._write_extent(f"{start} {end}\n".encode())
        self.extents.append((start, end))
        self._ends_of[start] = ends
        del self._ends[: len(ends)]
        return start, end

    def payloads(self, start: int, end: int) -> list[bytes]:
        """The records of an extent."""
        ends = self._ends_of.pop(start, None)
        if ends is None:
            return list(self._frames(start, end))
        block, begin = os.pread(self._file, end - start, start), start - FRAME_BYTES
        return [block[before - begin : after - start] for before, after in pairwise((start, *ends))]

    def first(self, start: int) -> bytes | None:
        """The record that starts there, if there is one."""
        return next(self._frames(start, self.size), None)

    def discard(self) -> None:
        """Deletes the segment, then its extents: in the other order a crash between could lead to other batches."""
        self.path.unlink(missing_ok=True)
        self._extents_path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Unlocks the files, for another process to adopt. A later append is refused."""
        file, self._file = self._file, -1
        room, self._room, self._room_bytes = self._room, None, 0
        if room is not None:
            room.close()
        os.close(file)

    def _make_room(self, end: int) -> mmap.mmap:
        room_bytes = -(-end // _ROOM_BYTES) * _ROOM_BYTES
        if self._disk is not None:
            self._disk.check()
        _allocate(self._file, room_bytes)
        room = mmap.mmap(self._file, room_bytes)
        self._room, self._room_bytes = room, room_bytes
        return room

    def _frames(self, start: int, end: int) -> Iterator[bytes]:
        """The payloads of whole, intact frames; stops at the first that is not."""
        at, block, block_at = start, b"", start
        while at + FRAME_BYTES <= end:
            if at + FRAME_BYTES > block_at + len(block):
                block, block_at = os.pread(self._file, min(_READ_BYTES, end - at), at), at
            length, checksum = _FRAME.unpack_from(block, at - block_at)
            # Room that was never written to reads as zeros, and so it may after a power cut.
            if not 0 < length <= _PAYLOAD_BYTES_MAX or at + FRAME_BYTES + length > end:
                return
            if at + FRAME_BYTES + length > block_at + len(block):
                block, block_at = os.pread(self._file, min(_READ_BYTES, end - at), at), at
            begins = at - block_at + FRAME_BYTES
            payload = block[begins : begins + length]
            if len(payload) != length or crc32(payload) != checksum:
                return
            yield payload
            at += FRAME_BYTES + length

    def _whole_records(self) -> "array[int]":
        """The offset at which each record ends, up to the first that is not whole."""
        payloads = self._frames(0, os.fstat(self._file).st_size)
        return array("Q", accumulate(FRAME_BYTES + len(payload) for payload in payloads))

    def _write_extent(self, line: bytes) -> None:
        file = os.open(self._extents_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(file).st_size
            written = os.write(file, line)
            if written != len(line):
                os.ftruncate(file, size)
                raise OSError(f"the disk took {written} of {len(line)} bytes")
        finally:
            os.close(file)

    def _read_extents(self) -> list[tuple[int, int]]:
        if not self._extents_path.exists():
            return []
        written = self._extents_path.read_bytes()
        # Nothing was ever published from a torn last line: it is removed, and its batch is cut again.
        whole = written[: written.rfind(b"\n") + 1]
        if whole != written:
            os.truncate(self._extents_path, len(whole))
        found = (_EXTENT.fullmatch(line) for line in whole.splitlines())
        return [(int(extent[1]), int(extent[2])) for extent in found if extent]


def _allocate(file: int, to_bytes: int) -> None:
    """Takes room from the disk up to `to_bytes`. Raises OSError, if it is full. What is there stays."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, to_bytes)
        return
    # macOS: only bytes that are written take room.
    while (size := os.fstat(file).st_size) < to_bytes:
        os.pwrite(file, bytes(min(_READ_BYTES, to_bytes - size)), size)


def abandoned(folder: Path) -> Iterator[SpoolSegment]:
    """Locks and opens the segments whose processes are gone; skips those that cannot be opened."""
    for path in sorted(folder.glob("*.segment")):
        try:
            yield SpoolSegment(path)
        except (SegmentInUse, OSError):
            continue


def _open_locked(path: Path, flags: int) -> int:
    """Raises SegmentInUse; also when its former owner deleted the file between opening and locking it here."""
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(file), path.stat()):
            raise FileNotFoundError(path)
    except OSError as error:
        os.close(file)
        raise SegmentInUse(path.stem) from error
    return file
