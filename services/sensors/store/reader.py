"""Reader of stored samples by true time: as segments, or as miniSEED whose whole records are passed on undecoded.

A read takes its list of spans in one transaction, so each sample is in it once. Sealed files never change; where one is
gone meanwhile because its hour was sealed anew, the list is taken again.
"""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from math import ceil
from typing import TypeVar

from services.sensors.store import index
from services.sensors.store.even_times import NS
from services.sensors.store.miniseed.archive import Archive
from services.sensors.store.miniseed.codec import encode
from services.sensors.store.miniseed.codes import Codes, Coding
from services.sensors.store.piece import Piece
from services.sensors.store.span import Records, Span
from services.sensors.store.waveform import Segment, join
from shared.sql.database import Database

_ATTEMPTS_MAX = 3
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    start_ns: int
    end_ns: int

    def cut(self, piece: Piece) -> Piece | None:
        """Its samples at start_ns <= time < end_ns; None when there are none."""
        first, stop = piece.index_at(self.start_ns), piece.index_at(self.end_ns)
        return piece.part(first, stop) if first < stop else None

    def samples_max(self, first_ns: int, last_ns: int, rate_hz: float, count: int) -> int:
        """Of a span's, in it: as many as fit, if the span has so many."""
        inside_ns = min(last_ns + round(NS / rate_hz), self.end_ns) - max(first_ns, self.start_ns)
        return min(count, max(0, ceil(inside_ns * rate_hz / NS)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    """`chosen`: which of its sealed records the range needs."""

    span: Span
    codes: Codes
    chosen: Records


class SampleReader:
    def __init__(self, database: Database, archive: Archive, coding: Coding) -> None:
        self._database, self._archive, self._coding = database, archive, coding

    def segments(self, sensor_id: str, start_ns: int, end_ns: int, channels: Collection[str] | None) -> list[Segment]:
        """The samples in [start_ns, end_ns), joined, by channel and time. `channels`: their codes; None: all.

        Raises SpanDamaged.
        """
        wanted = _Range(start_ns=start_ns, end_ns=end_ns)

        def read(listed: list[_Found]) -> list[Segment]:
            return join(segment for one in listed for segment in self._segments(one, wanted))

        return self._read(sensor_id, wanted, channels, read)

    def miniseed(self, sensor_id: str, start_ns: int, end_ns: int, channels: Collection[str] | None) -> bytes:
        """The same samples as miniSEED 2 records, by channel and time. Raises SpanDamaged."""
        wanted = _Range(start_ns=start_ns, end_ns=end_ns)

        def read(listed: list[_Found]) -> bytes:
            return b"".join(record for codes, its in _by_codes(listed) for record in self._records(its, codes, wanted))

        return self._read(sensor_id, wanted, channels, read)

    def count_at_most(self, sensor_id: str, start_ns: int, end_ns: int, channels: Collection[str] | None) -> int:
        """How many samples `segments` gives, by the index alone: that many, or fewer where a sealed hour has gaps."""
        wanted = _Range(start_ns=start_ns, end_ns=end_ns)
        with self._database.reading() as tx:
            extents = index.extents_between(tx, sensor_id, start_ns, end_ns)
            if not extents:
                return 0
            codes = self._coding.of(tx, sensor_id)
        return sum(
            wanted.samples_max(one.start_ns, one.end_ns, one.rate_hz, one.samples)
            for one in extents
            if channels is None or codes.at(one.axis, one.start_ns, one.rate_hz).channel in channels
        )

    def _read(
        self,
        sensor_id: str,
        wanted: _Range,
        channels: Collection[str] | None,
        read: Callable[[list[_Found]], _T],
    ) -> _T:
        for attempt in range(1, _ATTEMPTS_MAX + 1):
            listed = self._list(sensor_id, wanted, channels)
            try:
                for one in listed:
                    one.span.prefetch(self._archive, one.chosen)
                return read(listed)
            except FileNotFoundError:
                if attempt == _ATTEMPTS_MAX:
                    raise
        raise AssertionError

    def _list(self, sensor_id: str, wanted: _Range, channels: Collection[str] | None) -> list[_Found]:
        with self._database.reading() as tx:
            spans = index.between(tx, sensor_id, wanted.start_ns, wanted.end_ns)
            codes = self._coding.of(tx, sensor_id) if spans else None
        listed = [(span, codes.at(span.axis, span.start_ns, span.rate_hz)) for span in spans if codes is not None]
        return [
            _Found(span=span, codes=of, chosen=span.chosen(wanted.start_ns, wanted.end_ns))
            for span, of in listed
            if channels is None or of.channel in channels
        ]

    def _segments(self, found: _Found, wanted: _Range) -> Iterator[Segment]:
        for piece in found.span.pieces_of(self._archive, found.chosen):
            kept = wanted.cut(piece)
            if kept is not None:
                yield _segment(kept, found.codes)
        time.sleep(0)  # decoding is pure computing: embedded, others run between spans

    def _records(self, listed: list[_Found], codes: Codes, wanted: _Range) -> Iterator[bytes]:
        """Whole records as they are; what lies on an edge, or has just arrived, is encoded."""
        arrived: list[Segment] = []
        for one in listed:
            if one.span.samples is not None:
                arrived += self._segments(one, wanted)
                continue
            yield from _encoded(arrived, codes)
            arrived = []
            yield from self._sealed(one, wanted)
        yield from _encoded(arrived, codes)

    def _sealed(self, found: _Found, wanted: _Range) -> Iterator[bytes]:
        span = found.span
        for record, content in span.contents(self._archive, found.chosen):
            start_ns, last = int(record["start_ns"]), int(record["count"]) - 1
            if wanted.start_ns <= start_ns and span.time_ns(start_ns, last) < wanted.end_ns:
                yield content
                continue
            piece = wanted.cut(span.decoded(record, content))
            if piece is not None:
                yield from encode(found.codes, piece.start_ns, piece.rate_hz, piece.samples)


def _encoded(segments: list[Segment], codes: Codes) -> Iterator[bytes]:
    for segment in join(segments):
        yield from encode(codes, segment.start_ns, segment.sample_rate_hz, segment.samples)


def _segment(piece: Piece, codes: Codes) -> Segment:
    return Segment(
        channel=codes.channel,
        location_code=codes.location,
        start_ns=piece.start_ns,
        sample_rate_hz=piece.rate_hz,
        samples=piece.samples,
    )


def _by_codes(listed: list[_Found]) -> Iterator[tuple[Codes, list[_Found]]]:
    for codes in sorted({one.codes for one in listed}):
        yield codes, [one for one in listed if one.codes == codes]
