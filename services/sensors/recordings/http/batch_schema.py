"""Marshmallow schemas of many ranges asked for at once: the body, and the answer with one result or error each."""

from dataclasses import dataclass
from datetime import datetime

from marshmallow import fields, validate

from services.sensors.http.product_form import AnswerMetaSchema
from services.sensors.recordings.http.data_schema import RecordingSchema, channel_field, points_field
from services.sensors.recordings.time_range import RecordedTime
from shared.web.operation import StrictSchema

REQUESTS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    sensor_id: str
    start: datetime
    end: datetime
    channel: str | None = None
    max_points: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchBody:
    requests: tuple[BatchItem, ...]


class BatchItemSchema(StrictSchema):
    shape = BatchItem
    sensor_id = fields.String(required=True, validate=validate.Length(min=1, max=64))
    start = RecordedTime(required=True)
    end = RecordedTime(required=True)
    channel = channel_field()
    max_points = points_field()


class BatchBodySchema(StrictSchema):
    shape = BatchBody
    requests = fields.List(
        fields.Nested(BatchItemSchema), required=True, validate=validate.Length(min=1, max=REQUESTS_MAX)
    )


class ItemErrorSchema(StrictSchema):
    code = fields.String(required=True)
    problem = fields.String(required=True, metadata={"description": "its page is /problems/NAME"})
    message = fields.String(required=True)


class BatchResultSchema(StrictSchema):
    sensor_id = fields.String(required=True)
    result = fields.Nested(RecordingSchema, metadata={"description": "as GET /v1/sensors/{id}/data has it"})
    error = fields.Nested(ItemErrorSchema, metadata={"description": "in its place"})


class BatchAnswerSchema(StrictSchema):
    data = fields.List(
        fields.Nested(BatchResultSchema), required=True, metadata={"description": "in the order of the requests"}
    )
    meta = fields.Nested(AnswerMetaSchema, required=True)
