"""Marshmallow schemas of a sensor's recordings over HTTP: the query and the answer."""

from dataclasses import dataclass
from datetime import datetime

from marshmallow import fields, validate

from services.sensors.http.product_form import answer_of
from services.sensors.recordings.file_formats import Format
from services.sensors.recordings.reading import NOT_ONE_SEGMENT
from services.sensors.recordings.time_range import RecordedTime
from shared.web.operation import StrictSchema
from shared.web.requests.timestamp import DATA_TIME_FORMS

POINTS_MAX = 100_000
NOT_THINNED = "is for JSON alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataQuery:
    """`format` None: by the Accept header, else JSON."""

    start: datetime | None = None
    end: datetime | None = None
    channel: str | None = None
    format: Format | None = None
    max_points: int | None = None


def channel_field() -> fields.String:
    return fields.String(
        validate=validate.Regexp(r"[A-Z0-9]{3}\Z"),
        metadata={"description": "SEED code; HNZ names the vertical of a sensor of another band, too"},
    )


def points_field() -> fields.Integer:
    return fields.Integer(
        strict=True,
        validate=validate.Range(min=2, max=POINTS_MAX),
        metadata={"description": "of each segment at most: an envelope that keeps its peaks, for display"},
    )


class DataQuerySchema(StrictSchema):
    shape = DataQuery
    start = RecordedTime(metadata={"description": f"the first instant. {DATA_TIME_FORMS}"})
    end = RecordedTime(metadata={"description": f"the instant after the last. {DATA_TIME_FORMS}"})
    channel = channel_field()
    format = fields.Enum(
        Format,
        by_value=True,
        metadata={"description": "in place of the Accept header", "refusals": [NOT_ONE_SEGMENT.partition("{")[0]]},
    )
    max_points = fields.Integer(
        validate=validate.Range(min=2, max=POINTS_MAX),
        metadata={
            "description": "of each segment at most, in JSON: an envelope that keeps its peaks, for display",
            "refusals": [NOT_THINNED],
        },
    )


class SegmentSchema(StrictSchema):
    channel = fields.String(required=True)
    location_code = fields.String(required=True)
    start_time = fields.AwareDateTime(required=True)
    end_time = fields.AwareDateTime(required=True, metadata={"description": "of the last sample"})
    sample_rate = fields.Float(required=True, metadata={"description": "Hz"})
    samples = fields.List(fields.Float(), required=True)


def _flat(description: str = "") -> dict[str, str]:
    return {"description": f"where there is one channel without a gap{description}"}


class RecordingSchema(StrictSchema):
    sensor_id = fields.String(required=True)
    unit = fields.String(required=True)
    channel = fields.String(metadata=_flat())
    start_time = fields.AwareDateTime(allow_none=True, metadata=_flat(", or without a sample: then of the range"))
    end_time = fields.AwareDateTime(
        allow_none=True, metadata=_flat("; of the last sample, or without one of the range")
    )
    sample_rate = fields.Float(allow_none=True, metadata=_flat("; null: no such channel has recorded anything"))
    samples = fields.List(fields.Float(), metadata=_flat("; empty: none is in the range"))
    segments = fields.List(fields.Nested(SegmentSchema), required=True)


RecordingAnswerSchema = answer_of(RecordingSchema, "RecordingAnswerSchema")
