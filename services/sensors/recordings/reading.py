"""Reading of one sensor's recordings in each format: whole, or as a stream that is read hour by hour.

A stream's memory is that of an hour. Its first part is read before the answer begins: what fails at once is told.
"""

import itertools
from collections.abc import Iterator, Sequence

from services.sensors.recordings.asked_channel import named_by
from services.sensors.recordings.sac import Station, as_sac
from services.sensors.recordings.sample_csv import HEADER, as_csv
from services.sensors.recordings.time_range import TimeRange
from services.sensors.registry.queries import SensorView
from services.sensors.store.even_times import HOUR_NS
from services.sensors.store.reader import SampleReader
from services.sensors.store.waveform import Segment
from shared.web.problems.catalogue import Problem

NOT_ONE_SEGMENT = "SAC holds one channel without a gap, and this range has {}: ask for format=miniseed"


class RecordingReader:
    def __init__(self, reader: SampleReader) -> None:
        self._reader = reader

    def segments(self, sensor: SensorView, wanted: TimeRange, channel: str | None) -> list[Segment]:
        return self._reader.segments(sensor.id, wanted.start_ns, wanted.end_ns, _codes(sensor, channel))

    def count_at_most(self, sensor: SensorView, wanted: TimeRange, channel: str | None) -> int:
        """How many samples `segments` gives, without reading them."""
        return self._reader.count_at_most(sensor.id, wanted.start_ns, wanted.end_ns, _codes(sensor, channel))

    def csv(self, sensor: SensorView, wanted: TimeRange, channel: str | None) -> Iterator[bytes]:
        codes = _codes(sensor, channel)

        def lines() -> Iterator[bytes]:
            for start_ns, end_ns in hours(wanted):
                yield from as_csv(sensor.id, self._reader.segments(sensor.id, start_ns, end_ns, codes))

        return itertools.chain((HEADER,), _begun(lines()))

    def miniseed(self, sensor: SensorView, wanted: TimeRange, channel: str | None) -> Iterator[bytes]:
        codes = _codes(sensor, channel)
        parts = (self._reader.miniseed(sensor.id, start, end, codes) for start, end in hours(wanted))
        return _begun(filter(None, parts))

    def sac(self, sensor: SensorView, wanted: TimeRange, channel: str | None) -> bytes:
        """Raises Problem where there is not exactly one segment."""
        segments = self.segments(sensor, wanted, channel)
        if len(segments) != 1:
            raise Problem("invalid-request", NOT_ONE_SEGMENT.format(_told(segments)))
        station = Station(network=sensor.network, station=sensor.station, location=sensor.location)
        return as_sac(station, segments[0])


def hours(wanted: TimeRange) -> Iterator[tuple[int, int]]:
    """The range, cut where hours begin: (start, end) in nanoseconds."""
    start_ns = wanted.start_ns
    while start_ns < wanted.end_ns:
        end_ns = min((start_ns // HOUR_NS + 1) * HOUR_NS, wanted.end_ns)
        yield start_ns, end_ns
        start_ns = end_ns


def _codes(sensor: SensorView, channel: str | None) -> frozenset[str] | None:
    return named_by(channel, [one.code for one in sensor.channels])


def _told(segments: Sequence[Segment]) -> str:
    channels = {(segment.location_code, segment.channel) for segment in segments}
    if not segments:
        return "no samples"
    return f"{len(channels)} channels" if len(channels) > 1 else f"{len(segments)} segments"


def _begun(parts: Iterator[bytes]) -> Iterator[bytes]:
    return itertools.chain([part for part in (next(parts, None),) if part is not None], parts)
