"""HTTP resource of what there is of a sensor's recordings: spans, gaps and differing values, in pages."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from marshmallow import fields

from services.sensors.http.product_form import (
    Listed,
    NumberedPageQuery,
    NumberedPageQuerySchema,
    page,
    page_of,
)
from services.sensors.http.sensor_resources import visible_sensor
from services.sensors.recordings.asked_channel import named_by
from services.sensors.recordings.availability import Availability, Kind, Reason, Stretch
from services.sensors.recordings.http.data_schema import channel_field
from services.sensors.recordings.time_range import RecordedTime, time_range
from services.sensors.registry.queries import SensorQueries
from services.sensors.registry.visible import visible_to
from shared.values.timestamps import from_nanoseconds, rfc3339
from shared.web.operation import Answer, Call, StrictSchema, operation

RANGE_MAX = timedelta(days=31)


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityQuery(NumberedPageQuery):
    start: datetime | None = None
    end: datetime | None = None
    channel: str | None = None


class AvailabilityQuerySchema(NumberedPageQuerySchema):
    shape = AvailabilityQuery
    start = RecordedTime()
    end = RecordedTime()
    channel = channel_field()


class ExtremesSchema(StrictSchema):
    least = fields.Float(required=True)
    greatest = fields.Float(required=True)


class StretchSchema(StrictSchema):
    kind = fields.Enum(Kind, by_value=True, required=True)
    channel = fields.String(required=True)
    location_code = fields.String(required=True)
    start_time = fields.AwareDateTime(required=True)
    end_time = fields.AwareDateTime(required=True, metadata={"description": "of the last sample; of a gap, its end"})
    sample_rate = fields.Float(metadata={"description": "Hz, of a span"})
    samples = fields.Integer(metadata={"description": "how many, of a span or that differ"})
    reason = fields.Enum(Reason, by_value=True, metadata={"description": "of a gap"})
    kept = fields.Nested(ExtremesSchema, metadata={"description": "the values that came first and are served"})
    offered = fields.Nested(ExtremesSchema, metadata={"description": "those that came later for the same samples"})


AvailabilityPageSchema = page_of(StretchSchema, "AvailabilityPageSchema")


class SensorAvailability:
    def __init__(self, queries: SensorQueries, availability: Availability) -> None:
        self._queries, self._availability = queries, availability

    @operation(
        "List what there is of a sensor's recordings, where the gaps are and why, and which values differed",
        tag="Sensors",
        permission="sensors:read",
        query=AvailabilityQuerySchema,
        answers=AvailabilityPageSchema,
        problems=("outside-organisation", "range-too-long"),
    )
    def on_get(self, call: Call[AvailabilityQuery, None], sensor_id: str) -> Answer:
        query = call.query
        sensor = visible_sensor(self._queries, visible_to(call.caller), sensor_id)
        wanted = time_range(query.start, query.end, sensor.last_sample_at, RANGE_MAX)
        channels = named_by(query.channel, [one.code for one in sensor.channels])
        found = self._availability.of_sensor(sensor.id, wanted, channels)
        place = query.after(str, str, int, str)
        ahead = found if place is None else [one for one in found if _place(one) > place]
        chosen = ahead[query.offset : query.offset + query.limit]
        is_more = len(ahead) > query.offset + query.limit
        last = _place(chosen[-1]) if chosen and is_more else None
        return page(call, Listed(items=map(_shown, chosen), place=last, total=len(found)))


def _place(stretch: Stretch) -> tuple[str, str, int, str]:
    return stretch.location_code, stretch.channel, stretch.start_ns, stretch.kind.value


def _shown(stretch: Stretch) -> dict[str, Any]:
    told = {
        "kind": stretch.kind,
        "channel": stretch.channel,
        "location_code": stretch.location_code,
        "start_time": rfc3339(from_nanoseconds(stretch.start_ns)),
        "end_time": rfc3339(from_nanoseconds(stretch.end_ns)),
        "sample_rate": stretch.sample_rate_hz,
        "samples": stretch.samples,
        "reason": stretch.reason,
        "kept": _extremes(stretch.kept),
        "offered": _extremes(stretch.offered),
    }
    return {name: value for name, value in told.items() if value is not None}


def _extremes(values: tuple[float, float] | None) -> dict[str, float] | None:
    return None if values is None else {"least": values[0], "greatest": values[1]}
