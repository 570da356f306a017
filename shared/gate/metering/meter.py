"""Meter with a write-ahead spool: each request is on disk before its answer leaves, and is shipped to usage afterwards.

Each is counted exactly once: a batch is published until usage says it is counted, and only then may its segment go. So
neither a killed process nor a broker that loses its disk loses usage. On a full disk requests are served, and those
left out are counted. Refusals beyond ten a second are recorded as one sum, a second late (refusal_aggregation.py).
"""

import math
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from shared.contracts.usage import RequestRecord
from shared.gate.metering.pace import REPUBLISH_SECONDS_MAX, Pace
from shared.gate.metering.refusal_aggregation import RefusalAggregation
from shared.gate.metering.spool_segment import FRAME_BYTES, SpoolSegment, abandoned
from shared.observability import metrics
from shared.replication.relay import BusUnavailable
from shared.runtime.clock import Clock
from shared.runtime.room import Room
from shared.runtime.rounds import Rounds

BATCH_BYTES = 256 * 1024
SEGMENT_BYTES_MAX = 16 * 1024 * 1024
SEGMENT_BATCHES_MAX = 1000  # each pass looks at every batch of a segment, and with few requests batches are small
SHIP_SECONDS = 0.6  # what usage does for a batch costs it more than the requests in it; alerts wait so long
ADOPT_SECONDS = 60.0
REFUSALS_SECONDS = 0.5
_log = structlog.get_logger(__name__)


class BatchBus(Protocol):
    def publish(self, batch: bytes) -> None:
        """`batch`: the JSON of a RequestMetered. Returns once confirmed. Raises BusUnavailable."""
        ...


class Meter:
    def __init__(self, folder: Path, bus: BatchBus, clock: Clock, disk: Room | None = None) -> None:
        """`disk`: whose last part is kept for others; None: the spool may fill it."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._bus, self._clock, self._disk = folder, bus, clock, disk
        self._encode = msgspec.json.Encoder().encode
        self._segment = SpoolSegment.create(folder, disk)
        self._closed: list[SpoolSegment] = []  # full or adopted: shipped, never appended to
        # Batch → when to publish it again, in elapsed seconds, and how long after the last time that is.
        self._published: dict[tuple[str, int], tuple[float, float]] = {}
        self._counted: set[tuple[str, int]] = set()
        # Segment → its first offset that is not counted, and when that record was made, in seconds since 1970.
        self._oldest: dict[str, tuple[int, float]] = {}
        self._oldest_metric = metrics.spool_oldest.labels(of="requests")
        self._oldest_metric.set(math.inf)
        self._pace = Pace()
        self._shipping = threading.Lock()
        self._appending = threading.Lock()
        self._is_stopping = False
        self._adopt_at = 0.0
        self._refusals = RefusalAggregation()
        # Two: an unresponsive bus holds up the first, and refusals counted in memory must not wait for it.
        self._rounds = Rounds("meter", self._work_and_rest)
        self._refusal_rounds = Rounds("refusals", self._write_counted_refusals)

    def start(self) -> None:
        self._rounds.start(SHIP_SECONDS)
        self._refusal_rounds.start(REFUSALS_SECONDS)

    def stop(self) -> None:
        """Ships once more. What usage has not counted by then stays on disk for the next start."""
        self._is_stopping = True
        self._rounds.stop()
        self._refusal_rounds.stop()
        self._record_all(self._refusals.take_all())
        self._work()
        self._close_segments()

    def record(self, record: RequestRecord) -> None:
        """Returns with the record in the spool. Never raises: the request itself was served."""
        try:
            payload = self._encode(record)
            self._appending.acquire()  # `with` would cost as much again
            try:
                self._segment.append(payload)
            finally:
                self._appending.release()
            self._rounds.wake()
        except Exception:
            # Usually a full disk. Not logged, for it would be one line for each request.
            metrics.unmetered.inc()

    def record_refusal(self, record: RequestRecord) -> None:
        """Records a refusal; beyond ten a second of one key or address, as a count, on disk up to 1.5 s later."""
        if self._is_stopping:
            self.record(record)  # the thread that writes counts is ending
        else:
            self._record_all(self._refusals.take(record, self._clock.elapsed_seconds()))
            self._refusal_rounds.wake()

    def counted(self, batches: tuple[tuple[str, int], ...]) -> None:
        """Usage has counted these batches. Never blocks: it is called on the thread that events of keys arrive on."""
        self._counted.update(batch for batch in batches if batch in self._published)

    def adopt(self) -> None:
        """Takes over the segments of processes that are gone."""
        with self._shipping:
            for segment in abandoned(self._folder):
                _log.info("segment_adopted", segment=segment.name, bytes=segment.size, torn_bytes=segment.torn_bytes())
                self._closed.append(segment)

    def ship(self) -> None:
        """One pass: publishes new and overdue batches, discards counted ones. What fails is left to the next pass."""
        with self._shipping:
            self._rotate_if_full()
            now = self._clock.elapsed_seconds()
            may_cut = self._pace.cuts(len(self._published.keys() - self._counted), now) or self._is_stopping
            try:
                for segment in (*self._closed, self._segment):
                    self._ship_or_leave(segment, may_cut=may_cut)
            except BusUnavailable as error:
                _log.warning("batches_wait", detail=str(error))
            # Also when the bus is away or the disk is full: this frees space.
            self._discard_counted()

    def is_settled(self) -> bool:
        """Whether usage has confirmed to have counted all that was recorded so far."""
        with self._shipping:
            return not self._closed and self._is_counted(self._segment)

    def _work_and_rest(self) -> float:
        self._work()
        return ADOPT_SECONDS if self.is_settled() else 0

    def _write_counted_refusals(self) -> float:
        self._record_all(self._refusals.take_due(self._clock.elapsed_seconds()))
        return 0 if self._refusals else ADOPT_SECONDS

    def _record_all(self, records: Iterable[RequestRecord]) -> None:
        for record in records:
            if record.requests > 1:
                metrics.refusals_counted.inc(record.requests)
            self.record(record)

    def _work(self) -> None:
        try:
            if self._clock.elapsed_seconds() >= self._adopt_at:
                self._adopt_at = self._clock.elapsed_seconds() + ADOPT_SECONDS
                self.adopt()
            self.ship()
        except Exception:
            # Whatever it was: the records are on disk, and this thread must live to ship them.
            _log.exception("shipping_failed")

    def _rotate_if_full(self) -> None:
        segment = self._segment
        if segment.size < SEGMENT_BYTES_MAX and len(segment.extents) < SEGMENT_BATCHES_MAX:
            return
        try:
            fresh = SpoolSegment.create(self._folder, self._disk)
        except OSError as error:
            _log.error("segment_not_rotated", detail=str(error))
            return
        with self._appending:
            self._closed.append(segment)
            self._segment = fresh

    def _ship_or_leave(self, segment: SpoolSegment, *, may_cut: bool) -> None:
        """Raises BusUnavailable. Any other fault concerns this segment alone, and must not hold up the others."""
        try:
            self._ship(segment, may_cut=may_cut)
        except BusUnavailable:
            raise
        except Exception:
            _log.exception("segment_not_shipped", segment=segment.name)

    def _ship(self, segment: SpoolSegment, *, may_cut: bool) -> None:
        while may_cut and segment.cut_extent(BATCH_BYTES) is not None:
            pass
        now = self._clock.elapsed_seconds()
        for start, end in segment.extents:
            batch = (segment.name, start)
            again_at, wait_seconds = self._published.get(batch, (now, self._pace.first_wait_seconds))
            if batch in self._counted or now < again_at:
                continue
            payloads = segment.payloads(start, end)
            if not payloads:  # a power failure took all of them
                self._counted.add(batch)
                continue
            # Before publishing, so that an answer that comes at once finds it.
            self._published[batch] = now + wait_seconds, min(2 * wait_seconds, REPUBLISH_SECONDS_MAX)
            self._bus.publish(_message(segment.name, start, payloads))

    def _is_counted(self, segment: SpoolSegment) -> bool:
        # `cut` is beyond `size` if a power failure lost records whose batch was cut already.
        return segment.cut >= segment.size and all(
            (segment.name, start) in self._counted for start, _ in segment.extents
        )

    def _uncounted_bytes(self, segment: SpoolSegment) -> int:
        counted = (end - start for start, end in segment.extents if (segment.name, start) in self._counted)
        return segment.size - sum(counted)

    def _discard_counted(self) -> None:
        for segment in [segment for segment in self._closed if self._is_counted(segment)]:
            self._closed.remove(segment)
            self._forget(segment)
            segment.discard()
        metrics.spool_bytes.set(sum(map(self._uncounted_bytes, (*self._closed, self._segment))))
        self._oldest_metric.set(min(map(self._oldest_of, (*self._closed, self._segment))))

    def _oldest_of(self, segment: SpoolSegment) -> float:
        """When its oldest record that is not counted was made; infinite if there is none."""
        waiting = (start for start, _ in segment.extents if (segment.name, start) not in self._counted)
        start = next(waiting, segment.cut)
        known = self._oldest.get(segment.name)
        if known is None or known[0] != start:
            try:
                payload = segment.first(start)
                if payload is None:
                    return math.inf
                known = (start, msgspec.json.decode(payload, type=RequestRecord).at.timestamp())
            except (OSError, msgspec.MsgspecError):
                return math.inf  # shipping it fails, too, and says so
            self._oldest[segment.name] = known
        return known[1]

    def _forget(self, segment: SpoolSegment) -> None:
        self._oldest.pop(segment.name, None)
        for start, _ in segment.extents:
            self._counted.discard((segment.name, start))
            self._published.pop((segment.name, start), None)

    def _close_segments(self) -> None:
        for segment in (*self._closed, self._segment):
            if self._is_counted(segment):
                segment.discard()
            else:
                segment.close()


def _message(segment: str, start: int, payloads: list[bytes]) -> bytes:
    """A RequestMetered as JSON, from the spooled bytes: decoding and encoding them would cost as much as recording.

    Its extent is that of these records: where a power failure took the last of those it was cut with, less than then.
    """
    end = start + sum(map(len, payloads)) + FRAME_BYTES * len(payloads)
    extent = msgspec.json.encode({"segment": segment, "start": start, "end": end})
    return extent[:-1] + b',"records":[' + b",".join(payloads) + b"]}"
