"""Every answered request, counted exactly once: recorded before the answer leaves, shipped behind its back.

A batch is published until usage says it is counted; only then may its segment go. So neither a killed process nor
a broker that loses its disk loses usage. A disk that is full does: requests are served, and those left out are
counted here.
"""

import threading
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from shared import metrics
from shared.clock import Clock
from shared.contracts.usage import RequestRecord
from shared.gate.spool import Segment, abandoned
from shared.relay import BusUnavailable

BATCH_BYTES = 256 * 1024
SEGMENT_BYTES_MAX = 16 * 1024 * 1024
SHIP_SECONDS = 0.25
REPUBLISH_SECONDS = 5.0
ADOPT_SECONDS = 60.0
_log = structlog.get_logger(__name__)


class BatchBus(Protocol):
    def publish(self, batch: dict[str, Any]) -> None:
        """Returns once confirmed. Raises BusUnavailable."""
        ...


class Meter:
    def __init__(self, folder: Path, bus: BatchBus, clock: Clock) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._bus, self._clock = folder, bus, clock
        self._encode = msgspec.json.Encoder().encode
        self._segment = Segment.create(folder)
        self._closed: list[Segment] = []  # full or adopted: shipped, never appended to
        self._published_at: dict[tuple[str, int], float] = {}
        self._counted: set[tuple[str, int]] = set()
        self._shipping = threading.Lock()
        self._appending = threading.Lock()
        self._stopping = threading.Event()
        self._adopt_at = 0.0
        self._thread = threading.Thread(target=self._serve, name="meter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ships what is left once more. What is not counted by then stays on disk for the next start."""
        self._stopping.set()
        self._thread.join()
        self._close_segments()

    def record(self, record: RequestRecord) -> None:
        """Returns with the record on disk; never raises, for the request itself was served."""
        payload = self._encode(record)
        try:
            with self._appending:
                self._segment.append(payload)
        except OSError:
            metrics.unmetered.inc()

    def counted(self, batches: tuple[tuple[str, int], ...]) -> None:
        """Usage has these for good. Never waits: it is called where events of keys arrive, too."""
        self._counted.update(batch for batch in batches if batch in self._published_at)

    def adopt(self) -> None:
        """Takes over the segments of processes that are gone."""
        with self._shipping:
            for segment in abandoned(self._folder):
                _log.info("segment_adopted", segment=segment.name, bytes=segment.size)
                self._closed.append(segment)

    def ship(self) -> None:
        """Publishes what is new and what is overdue, and discards what is counted. One pass."""
        with self._shipping:
            if self._segment.size >= SEGMENT_BYTES_MAX:
                self._rotate()
            for segment in (*self._closed, self._segment):
                self._ship(segment)
            self._discard_counted()

    def is_settled(self) -> bool:
        """Whether all that was recorded so far is known to be counted."""
        with self._shipping:
            return not self._closed and self._is_counted(self._segment)

    def _serve(self) -> None:
        while not self._stopping.wait(SHIP_SECONDS):
            if self._clock.elapsed_seconds() >= self._adopt_at:
                self._adopt_at = self._clock.elapsed_seconds() + ADOPT_SECONDS
                self.adopt()
            self._ship_or_wait()
        self._ship_or_wait()

    def _ship_or_wait(self) -> None:
        try:
            self.ship()
        except BusUnavailable as error:
            _log.warning("batches_wait", detail=str(error))
        except OSError as error:
            _log.error("spool_unreadable", detail=str(error))

    def _rotate(self) -> None:
        fresh = Segment.create(self._folder)
        with self._appending:
            self._closed.append(self._segment)
            self._segment = fresh

    def _ship(self, segment: Segment) -> None:
        while segment.cut_extent(BATCH_BYTES) is not None:
            pass
        now = self._clock.elapsed_seconds()
        for start, end in segment.extents:
            batch = (segment.name, start)
            last = self._published_at.get(batch)
            if batch in self._counted or (last is not None and now - last < REPUBLISH_SECONDS):
                continue
            # Before publishing, so that an answer that comes at once finds it.
            self._published_at[batch] = now
            self._bus.publish(_message(segment, start, end))

    def _is_counted(self, segment: Segment) -> bool:
        return segment.cut == segment.size and all(
            (segment.name, start) in self._counted for start, _ in segment.extents
        )

    def _discard_counted(self) -> None:
        for segment in [segment for segment in self._closed if self._is_counted(segment)]:
            self._closed.remove(segment)
            self._forget(segment)
            segment.discard()
        metrics.spool_bytes.set(sum(segment.size for segment in (*self._closed, self._segment)))

    def _forget(self, segment: Segment) -> None:
        for start, _ in segment.extents:
            self._counted.discard((segment.name, start))
            self._published_at.pop((segment.name, start), None)

    def _close_segments(self) -> None:
        for segment in (*self._closed, self._segment):
            if self._is_counted(segment):
                segment.discard()
            else:
                segment.close()


def _message(segment: Segment, start: int, end: int) -> dict[str, Any]:
    records = [msgspec.json.decode(payload) for payload in segment.payloads(start, end)]
    return {"segment": segment.name, "start": start, "end": end, "records": records}
