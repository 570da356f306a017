"""HTTP resources of the sensor data API: sensors, their recordings, seismic events."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.sensors.queries import SensorQueries, SensorView
from services.sensors.schema import (
    DataQuery,
    DataQuerySchema,
    ListSensorsQuery,
    ListSensorsQuerySchema,
    SeismicEventListSchema,
    SensorDataSchema,
    SensorListSchema,
    SensorSchema,
)
from services.sensors.store.reader import SampleReader
from services.sensors.store.waveform import Segment, thin
from shared.values.timestamps import from_nanoseconds, rfc3339, to_nanoseconds
from shared.web.operation import Answer, Call, operation
from shared.web.pagination import page_answer
from shared.web.problems.catalogue import Problem
from shared.web.route import Route

RANGE_MAX = timedelta(hours=1)
RANGE_DEFAULT = timedelta(minutes=1)


def routes(queries: SensorQueries, reader: SampleReader) -> list[Route]:
    return [
        Route("/v1/sensors", SensorCollection(queries)),
        Route("/v1/sensors/{sensor_id}", SensorItem(queries)),
        Route("/v1/sensors/{sensor_id}/data", SensorData(queries, reader)),
        Route("/v1/events", SeismicEventCollection()),
    ]


class SensorCollection:
    def __init__(self, queries: SensorQueries) -> None:
        self._queries = queries

    @operation(
        "List sensors", tag="Sensors", permission="sensors:read", query=ListSensorsQuerySchema, answers=SensorListSchema
    )
    def on_get(self, call: Call[ListSensorsQuery, None]) -> Answer:
        query = call.query
        (after,) = query.after(str) or ("",)
        page = self._queries.list_sensors(call.caller.organisation_id, query.limit, after, query.bbox)
        return page_answer(map(_shown, page.sensors), (page.next_after,) if page.next_after else None, query)


class SensorItem:
    def __init__(self, queries: SensorQueries) -> None:
        self._queries = queries

    @operation(
        "Show a sensor",
        tag="Sensors",
        permission="sensors:read",
        answers=SensorSchema,
        problems=("outside-organisation",),
    )
    def on_get(self, call: Call[None, None], sensor_id: str) -> Answer:
        return Answer(body=_shown(_own(self._queries, call.caller.organisation_id, sensor_id)))


class SensorData:
    def __init__(self, queries: SensorQueries, reader: SampleReader) -> None:
        self._queries, self._reader = queries, reader

    @operation(
        "Read a sensor's recordings; without start and end, the latest recorded minute",
        tag="Sensors",
        permission="sensors:read",
        query=DataQuerySchema,
        answers=SensorDataSchema,
        problems=("outside-organisation", "range-too-long"),
    )
    def on_get(self, call: Call[DataQuery, None], sensor_id: str) -> Answer:
        sensor = _own(self._queries, call.caller.organisation_id, sensor_id)
        start_ns, end_ns = _range(call.query, sensor.last_sample_at)
        segments = self._reader.segments(sensor_id, start_ns, end_ns, call.query.channel)
        shown = [_segment(segment, call.query.max_points) for segment in segments]
        return Answer(body={"sensor_id": sensor_id, "unit": sensor.unit, "segments": shown})


class SeismicEventCollection:
    """Seismic events. Always an empty list: nothing in this service detects earthquakes yet."""

    @operation("List seismic events", tag="Events", permission="events:read", answers=SeismicEventListSchema)
    def on_get(self, call: Call[None, None]) -> Answer:
        return Answer(body={"data": [], "next_cursor": None})


def _own(queries: SensorQueries, organisation_id: str, sensor_id: str) -> SensorView:
    sensor = queries.get_sensor(organisation_id, sensor_id)
    if sensor is None:
        raise Problem("outside-organisation")
    return sensor


def _shown(sensor: SensorView) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(sensor)
    del body["organisation_id"], body["unit"]
    return body


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
        "start": rfc3339(from_nanoseconds(segment.start_ns)),
        "sample_rate_hz": segment.sample_rate_hz,
        "samples": segment.samples.tolist(),
    }
