"""HTTP resource of a sensor's recordings."""

from datetime import datetime, timedelta
from typing import Any

from services.sensors.http.product_form import shown
from services.sensors.http.recording_schema import DataQuery, DataQuerySchema, RecordingAnswerSchema
from services.sensors.http.sensor_resources import visible_sensor
from services.sensors.registry.queries import SensorQueries
from services.sensors.registry.visible import visible_to
from services.sensors.store.reader import SampleReader
from services.sensors.store.waveform import Segment, thin
from shared.values.timestamps import from_nanoseconds, rfc3339, to_nanoseconds
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import Problem

RANGE_MAX = timedelta(hours=1)
RANGE_DEFAULT = timedelta(minutes=1)


class SensorData:
    def __init__(self, queries: SensorQueries, reader: SampleReader) -> None:
        self._queries, self._reader = queries, reader

    @operation(
        "Read a sensor's recordings; without start and end, the latest recorded minute",
        tag="Sensors",
        permission="sensors:read",
        query=DataQuerySchema,
        answers=RecordingAnswerSchema,
        problems=("outside-organisation", "range-too-long"),
    )
    def on_get(self, call: Call[DataQuery, None], sensor_id: str) -> Answer:
        sensor = visible_sensor(self._queries, visible_to(call.caller), sensor_id)
        start_ns, end_ns = _range(call.query, sensor.last_sample_at)
        segments = self._reader.segments(sensor_id, start_ns, end_ns, call.query.channel)
        told = [_segment(segment, call.query.max_points) for segment in segments]
        return shown(call, {"sensor_id": sensor_id, "unit": sensor.unit, "segments": told})


def _range(query: DataQuery, last_sample_at: datetime | None) -> tuple[int, int]:
    """[start, end) in nanoseconds, with defaults for what the query leaves out. Raises Problem."""
    end, start = query.end, query.start
    if start is None and end is None and last_sample_at is not None:
        # Past the last sample, whose time is rounded to a microsecond here.
        end = last_sample_at + timedelta(microseconds=1)
    if start is None:
        start = end - RANGE_DEFAULT if end else None
    if end is None:
        end = start + RANGE_DEFAULT if start else None
    if start is None or end is None:
        return 0, 0
    if end <= start:
        raise Problem("invalid-request", "end: must be later than start")
    if end - start > RANGE_MAX:
        detail = (
            f"the range is {(end - start).total_seconds():.0f} s long; the limit is {RANGE_MAX.total_seconds():.0f} s"
        )
        raise Problem("range-too-long", detail)
    return to_nanoseconds(start), to_nanoseconds(end)


def _segment(segment: Segment, max_points: int | None) -> dict[str, Any]:
    if max_points is not None:
        segment = thin(segment, max_points)
    return {
        "channel": segment.channel,
        "location_code": segment.location_code,
        "start_time": rfc3339(from_nanoseconds(segment.start_ns)),
        "end_time": rfc3339(from_nanoseconds(segment.end_ns)),
        "sample_rate": segment.sample_rate_hz,
        "samples": segment.samples.tolist(),
    }
