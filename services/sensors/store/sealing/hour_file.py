"""An hour of one axis as miniSEED records, and the table of them for the index. Pure but for the codec.

A record holds samples that follow each other within half an interval, and begins at its own first sample's time. It
ends where its rate would be off by nearly that: the next one then begins near enough to continue it. Where that leaves
most records nearly empty, as of a device whose spacing changes every few seconds, all of the file are shorter ones.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from zlib import crc32

import numpy as np

from services.sensors.store.even_times import HOUR_NS, NS
from services.sensors.store.miniseed.codec import RECORD_BYTES, SHORTER_BYTES, first_record, to_microsecond
from services.sensors.store.miniseed.codes import Codes
from services.sensors.store.piece import Piece
from services.sensors.store.span import RECORD, SealedSpan

_OFF_MAX = 0.45  # intervals: below the half by which what follows must continue
_NOT_FULL_MAX = 16  # records: of fewer, shorter ones would save little


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HourFile:
    """`record_bytes`: of each record. `not_full`: how many hold all that could be put into them, and have room left."""

    content: bytes
    spans: tuple[SealedSpan, ...]
    record_bytes: int
    not_full: int

    @property
    def is_sparse(self) -> bool:
        return self.not_full > max(_NOT_FULL_MAX, len(self.content) // self.record_bytes // 2)


def hour_file(codes: Codes, pieces: Iterable[Piece]) -> HourFile:
    """`pieces`: at least one, of one axis, all inside the hour."""
    in_order = sorted(pieces, key=_order)
    best = _of_length(codes, in_order, RECORD_BYTES)
    for record_bytes in SHORTER_BYTES:
        if not best.is_sparse:
            break
        shorter = _of_length(codes, in_order, record_bytes)
        if len(shorter.content) >= len(best.content):
            break
        best = shorter
    return best


def _of_length(codes: Codes, in_order: Iterable[Piece], record_bytes: int) -> HourFile:
    content: list[bytes] = []
    spans = []
    not_full = 0
    for (era, rate_hz, kind), group in groupby(in_order, key=lambda piece: _order(piece)[:3]):
        rows = []
        for record, row, is_full in _records(codes, list(group), record_bytes):
            rows.append((*row, len(content), crc32(record)))
            content.append(record)
            not_full += not is_full
        spans.append(SealedSpan(era=era, rate_hz=rate_hz, kind=kind, records=np.array(rows, RECORD)))
    return HourFile(content=b"".join(content), spans=tuple(spans), record_bytes=record_bytes, not_full=not_full)


def divided(piece: Piece, hour: int) -> tuple[list[Piece], list[Piece]]:
    """Its part inside the hour, and those outside, each inside an hour of its own."""
    inside: list[Piece] = []
    outside: list[Piece] = []
    first = 0
    while first < piece.count:
        its_hour = piece.time_ns(first) // HOUR_NS
        stop = piece.index_at((its_hour + 1) * HOUR_NS)
        (inside if its_hour == hour else outside).append(piece.part(first, stop))
        first = stop
    return inside, outside


def _order(piece: Piece) -> tuple[int, float, str, int]:
    return piece.era, piece.rate_hz, piece.samples.dtype.char, piece.start_ns


def _records(
    codes: Codes, pieces: Sequence[Piece], record_bytes: int
) -> Iterator[tuple[bytes, tuple[int, int, int, int], bool]]:
    """Each with its start, its device's times of the first and the last sample, its number of samples; is it full."""
    for run in _runs(pieces):
        samples = np.concatenate([piece.samples for piece in run])
        starts = np.array([piece.start_ns for piece in run])
        firsts = np.cumsum([0, *(piece.count for piece in run)])
        interval_ns = NS / run[0].rate_hz
        at = 0
        while at < samples.size:
            number = int(np.searchsorted(firsts, at, "right")) - 1
            start_ns = run[number].time_ns(at - int(firsts[number]))
            expected = start_ns + (firsts[number + 1 : -1] - at) * interval_ns
            is_off = np.abs(starts[number + 1 :] - expected) > interval_ns * _OFF_MAX
            # Before the first piece that is off there is one that is not: the next record begins there.
            near = int(is_off.argmax()) if is_off.any() else 0
            stop = int(firsts[number + max(near, 1)]) if is_off.any() else samples.size
            record, count = first_record(codes, start_ns, run[0].rate_hz, samples[at:stop], record_bytes)
            last = int(np.searchsorted(firsts, at + count - 1, "right")) - 1
            device_ns = run[number].device_time_ns(at - int(firsts[number]))
            device_end_ns = run[last].device_time_ns(at + count - 1 - int(firsts[last]))
            yield record, (to_microsecond(start_ns), device_ns, device_end_ns, count), at + count < stop
            at += count


def _runs(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    run = [pieces[0]]
    for piece in pieces[1:]:
        if abs(piece.start_ns - run[-1].next_ns) > NS / piece.rate_hz / 2:
            yield run
            run = []
        run.append(piece)
    yield run
