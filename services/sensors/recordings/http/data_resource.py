"""HTTP resource of a sensor's recordings, in the format that is asked for."""

import re
from datetime import datetime

from services.sensors.http.product_form import shown
from services.sensors.http.sensor_resources import visible_sensor
from services.sensors.recordings.file_formats import FACTS, FORMATS, Format
from services.sensors.recordings.http.data_schema import NOT_THINNED, DataQuery, DataQuerySchema, RecordingAnswerSchema
from services.sensors.recordings.reading import RecordingReader
from services.sensors.recordings.sample_json import recording
from services.sensors.recordings.time_range import TimeRange, time_range
from services.sensors.registry.queries import SensorQueries, SensorView
from services.sensors.registry.visible import visible_to
from shared.values.timestamps import from_nanoseconds
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import Problem


class SensorData:
    def __init__(self, queries: SensorQueries, recordings: RecordingReader) -> None:
        self._queries, self._recordings = queries, recordings

    @operation(
        "Read a sensor's recordings; without start and end, the latest recorded minute",
        tag="Sensors",
        permission="sensors:read",
        query=DataQuerySchema,
        answers=RecordingAnswerSchema,
        alternatives=tuple(facts.media_type for format_, facts in FACTS.items() if format_ is not Format.JSON),
        problems=("outside-organisation", "range-too-long"),
    )
    def on_get(self, call: Call[DataQuery, None], sensor_id: str) -> Answer:
        query = call.query
        format_ = query.format or FORMATS[call.media_type]
        sensor = visible_sensor(self._queries, visible_to(call.caller), sensor_id)
        if query.max_points is not None and not FACTS[format_].is_thinned:
            raise Problem("invalid-request", f"max_points: {NOT_THINNED}")
        wanted = time_range(query.start, query.end, sensor.last_sample_at, FACTS[format_].range_max)
        if format_ is Format.JSON:
            segments = self._recordings.segments(sensor, wanted, query.channel)
            told = recording(sensor, wanted, query.channel, segments, query.max_points)
            return shown(call, told, network_id=sensor.network_id)
        return self._file(sensor, wanted, query.channel, format_)

    def _file(self, sensor: SensorView, wanted: TimeRange, channel: str | None, format_: Format) -> Answer:
        facts, name = FACTS[format_], file_name(sensor, wanted, channel, format_)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        if format_ is Format.SAC:
            body = self._recordings.sac(sensor, wanted, channel)
            return Answer(body=body, content_type=facts.content_type, headers=headers, network_id=sensor.network_id)
        read = self._recordings.csv if format_ is Format.CSV else self._recordings.miniseed
        stream = read(sensor, wanted, channel)
        return Answer(
            body=b"", stream=stream, content_type=facts.content_type, headers=headers, network_id=sensor.network_id
        )


def file_name(sensor: SensorView, wanted: TimeRange, channel: str | None, format_: Format) -> str:
    """Such as `XX.014.HNZ.20180216T230000Z-20180217T000000Z.mseed`."""
    named = ".".join(part for part in (sensor.network, sensor.station, channel) if part)
    from_, to = (_compact(from_nanoseconds(at_ns)) for at_ns in (wanted.start_ns, wanted.end_ns))
    return f"{re.sub(r'[^A-Za-z0-9._-]', '_', named)}.{from_}-{to}.{FACTS[format_].ending}"


def _compact(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")
