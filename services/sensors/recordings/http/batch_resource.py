"""HTTP resource of many ranges of many sensors in one request, which counts as one; each has a result or an error."""

from typing import Any

from services.sensors.http.product_form import shown
from services.sensors.http.sensor_resources import visible_sensor
from services.sensors.recordings.file_formats import FACTS, Format
from services.sensors.recordings.http.batch_schema import BatchAnswerSchema, BatchBody, BatchBodySchema, BatchItem
from services.sensors.recordings.reading import RecordingReader
from services.sensors.recordings.sample_json import recording
from services.sensors.recordings.time_range import time_range
from services.sensors.registry.queries import SensorQueries
from services.sensors.registry.visible import Visible, visible_to
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import Problem

SAMPLES_MAX = 1_000_000
"""That are read for one request, on all channels together. The first range is read whatever it has, as GET reads it:
so none is refused in every batch.
"""


class SensorBatch:
    def __init__(self, queries: SensorQueries, recordings: RecordingReader) -> None:
        self._queries, self._recordings = queries, recordings

    @operation(
        "Read up to a hundred ranges of recordings at once",
        tag="Sensors",
        permission="sensors:read",
        body=BatchBodySchema,
        answers=BatchAnswerSchema,
        name="getSensorBatch",
        example={
            "requests": [
                {"sensor_id": "sen_…", "start": "2026-11-28T09:30:00Z", "end": "2026-11-28T09:31:00Z"},
            ]
        },
    )
    def on_post(self, call: Call[None, BatchBody]) -> Answer:
        visible, left = visible_to(call.caller), SAMPLES_MAX
        told: list[dict[str, Any]] = []
        for item in call.body.requests:
            try:
                result, used = self._result(visible, item, left)
            except Problem as problem:
                told.append({"sensor_id": item.sensor_id, "error": _error(problem)})
            else:
                left = max(0, left - used)
                told.append({"sensor_id": item.sensor_id, "result": result})
        return shown(call, told)

    def _result(self, visible: Visible, item: BatchItem, left: int) -> tuple[dict[str, Any], int]:
        """And how many samples were read. Raises Problem."""
        sensor = visible_sensor(self._queries, visible, item.sensor_id)
        wanted = time_range(item.start, item.end, sensor.last_sample_at, FACTS[Format.JSON].range_max)
        is_first = left == SAMPLES_MAX
        if not is_first and self._recordings.count_at_most(sensor, wanted, item.channel) > left:
            raise Problem(
                "range-too-long", f"one request reads at most {SAMPLES_MAX} samples: ask for the rest in another"
            )
        segments = self._recordings.segments(sensor, wanted, item.channel)
        used = sum(segment.samples.size for segment in segments)
        return recording(sensor, wanted, item.channel, segments, item.max_points), used


def _error(problem: Problem) -> dict[str, str]:
    body = problem.body(public_url="", instance=None, request_id="")
    return {"code": problem.type.code, "problem": problem.type.name, "message": body["detail"]}
