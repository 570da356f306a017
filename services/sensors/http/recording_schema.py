"""Marshmallow schemas of a sensor's recordings over HTTP: the query and the answer."""

from dataclasses import dataclass
from datetime import datetime

from marshmallow import ValidationError, fields, validate

from services.sensors.http.product_form import answer_of
from shared.web.operation import StrictSchema
from shared.web.requests.timestamp import Timestamp

POINTS_MAX = 100_000


def _within_recorded_time(moment: datetime) -> None:
    """Before 1900 nothing was recorded; and nanoseconds since 1970 must fit 64 bits."""
    if not 1900 < moment.year < 2200:
        raise ValidationError("must be between the years 1901 and 2199")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataQuery:
    start: datetime | None = None
    end: datetime | None = None
    channel: str | None = None
    format: str = "json"
    max_points: int | None = None


class DataQuerySchema(StrictSchema):
    shape = DataQuery
    start = Timestamp(validate=_within_recorded_time)
    end = Timestamp(validate=_within_recorded_time)
    channel = fields.String(validate=validate.Regexp(r"[A-Z0-9]{3}\Z"))
    format = fields.String(validate=validate.OneOf(("json",)))
    max_points = fields.Integer(validate=validate.Range(min=2, max=POINTS_MAX))


class SegmentSchema(StrictSchema):
    channel = fields.String(required=True)
    location_code = fields.String(required=True)
    start_time = fields.AwareDateTime(required=True)
    end_time = fields.AwareDateTime(required=True, metadata={"description": "of the last sample"})
    sample_rate = fields.Float(required=True, metadata={"description": "Hz"})
    samples = fields.List(fields.Float(), required=True)


class RecordingSchema(StrictSchema):
    sensor_id = fields.String(required=True)
    unit = fields.String(required=True)
    segments = fields.List(fields.Nested(SegmentSchema), required=True)


RecordingAnswerSchema = answer_of(RecordingSchema, "RecordingAnswerSchema")
