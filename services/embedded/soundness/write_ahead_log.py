"""Damage in a write-ahead log of SQLite, found before SQLite opens it and silently drops all from the damage on.

The format is https://www.sqlite.org/fileformat2.html#walformat. A process that dies while it writes leaves a last frame
that is cut off or torn: that lost nothing that anybody was told of, and is no damage.
"""

import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
_LITTLE, _BIG = 0x377F0682, 0x377F0683
_WORD = 2**32
_Sums = tuple[int, int]
_Words = npt.NDArray[np.uint64]


class _Frame(NamedTuple):
    number: int
    words: _Words
    salts: bytes
    stored: _Sums


class WriteAheadLog:
    """The bytes of one `-wal` file, whole frames only."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        magic, _, page_bytes, *_ = struct.unpack_from(">8I", content) if len(content) >= _HEADER_BYTES else (0,) * 8
        self._order = {_LITTLE: "<", _BIG: ">"}.get(magic, "")
        self._frame_bytes = _FRAME_HEADER_BYTES + page_bytes

    def damage(self) -> str | None:
        """What is damaged, so that commits are lost which were answered; None: nothing."""
        if len(self._content) <= _HEADER_BYTES + _FRAME_HEADER_BYTES:
            return None  # no frame was ever whole
        salts, stored = self._content[16:24], struct.unpack_from(">2I", self._content, 24)
        if not self._order or _sums(self._words(0, 24), (0, 0)) != stored:
            return "its header is damaged, and all that it holds would be dropped"
        return self._damage_of_frames(salts, stored)

    def _damage_of_frames(self, salts: bytes, sums: _Sums) -> str | None:
        frames = self._frames()
        for frame in frames:
            following = _sums(frame.words, sums)
            if following == frame.stored and frame.salts == salts:
                sums = following
                continue
            is_damaged = (
                following == frame.stored
                or (frame.salts == salts and _is_one_word_off(frame, following))
                or _goes_on(frames, frame, following, salts)
            )
            return (
                f"its frame {frame.number} is damaged, and all from there on would be dropped" if is_damaged else None
            )
        return None

    def _frames(self) -> Iterator[_Frame]:
        for number in range(1, (len(self._content) - _HEADER_BYTES) // self._frame_bytes + 1):
            start = _HEADER_BYTES + (number - 1) * self._frame_bytes
            page = start + _FRAME_HEADER_BYTES
            words = np.concatenate((self._words(start, start + 8), self._words(page, start + self._frame_bytes)))
            salts = self._content[start + 8 : start + 16]
            yield _Frame(number, words, salts, struct.unpack_from(">2I", self._content, start + 16))

    def _words(self, start: int, end: int) -> _Words:
        return np.frombuffer(self._content[start:end], f"{self._order}u4").astype(np.uint64)


def damage_of(file: Path) -> str | None:
    """Of a database's write-ahead log; None also where it has none. Raises OSError."""
    log = file.with_name(f"{file.name}-wal")
    return WriteAheadLog(log.read_bytes()).damage() if log.exists() else None


def _sums(words: _Words, sums: _Sums) -> _Sums:
    """The sums after these words. They are linear; those before are what a first pair of words makes of nothing."""
    first, second = sums
    before = np.array([first, (second - first) % _WORD], np.uint64)
    first, second = (np.concatenate((before, words)) @ _weights_in_order(len(words) + 2)).tolist()
    return first % _WORD, second % _WORD


def _goes_on(frames: Iterator[_Frame], before: _Frame, following: _Sums, salts: bytes) -> bool:
    """Whether a later frame follows from the one before it: then the log did not end here."""
    seeds = {before.stored, following}
    for frame in frames:
        if frame.salts == salts and any(_sums(frame.words, seed) == frame.stored for seed in seeds):
            return True
        seeds = {frame.stored}
    return False


def _is_one_word_off(frame: _Frame, following: _Sums) -> bool:
    """Whether one changed word explains the checksums. A torn page differs in many.

    The sums are linear: a word that is `by` more adds `by` times its two weights.
    """
    first, second = ((stored - found) % _WORD for stored, found in zip(frame.stored, following, strict=True))
    if first == 0 or second == 0:
        return True  # one of the two stored sums itself
    for to_first, to_second in _weights(len(frame.words)):
        odd, other, sought, also = (
            (to_first, to_second, first, second) if to_first % 2 else (to_second, to_first, second, first)
        )
        by = sought * pow(odd, -1, _WORD) % _WORD
        if by * other % _WORD == also:
            return True
    return False


@cache
def _weights(words: int) -> tuple[_Sums, ...]:
    """How much one more in each word adds to the two sums, the last word's first."""
    weights: list[_Sums] = []
    of_even, of_odd = (1, 1), (0, 1)
    for _ in range(words // 2):
        weights += [of_odd, of_even]
        of_even, of_odd = _stepped(of_even), _stepped(of_odd)
    return tuple(weights)


@cache
def _weights_in_order(words: int) -> _Words:
    """The same, the first word's first; shape (words, 2). Sums by them may wrap at 64 bits: 32 of them count."""
    return np.array(_weights(words)[::-1], np.uint64)


def _stepped(sums: _Sums) -> _Sums:
    """After two words more, of zeros."""
    first = (sums[0] + sums[1]) % _WORD
    return first, (sums[1] + first) % _WORD
