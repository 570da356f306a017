"""Marshmallow schemas of exports over HTTP: the body that asks for one, and how it is shown."""

from dataclasses import dataclass
from datetime import datetime

from marshmallow import fields, validate

from services.sensors.exports.export import ExportFormat, ExportStatus
from services.sensors.http.product_form import answer_of, page_of
from services.sensors.recordings.http.data_schema import channel_field
from services.sensors.recordings.time_range import RecordedTime
from shared.web.operation import StrictSchema

SENSORS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportBody:
    sensor_ids: list[str]
    start: datetime
    end: datetime
    format: ExportFormat
    channel: str | None = None


class ExportBodySchema(StrictSchema):
    shape = ExportBody
    sensor_ids = fields.List(
        fields.String(validate=validate.Length(min=1, max=64)),
        required=True,
        validate=validate.Length(min=1, max=SENSORS_MAX),
    )
    start = RecordedTime(required=True)
    end = RecordedTime(required=True)
    format = fields.Enum(
        ExportFormat,
        by_value=True,
        required=True,
        metadata={"description": "sds: a tar archive of miniSEED files by channel and day (SeisComP Data Structure)"},
    )
    channel = channel_field()


class ExportSchema(StrictSchema):
    id = fields.String(required=True)
    status = fields.Enum(ExportStatus, by_value=True, required=True)
    percent = fields.Integer(required=True)
    format = fields.Enum(ExportFormat, by_value=True, required=True)
    sensor_ids = fields.List(
        fields.String(), required=True, metadata={"description": "without those that the asking key may no longer see"}
    )
    channel = fields.String(required=True, allow_none=True)
    start = fields.AwareDateTime(required=True)
    end = fields.AwareDateTime(required=True)
    key_id = fields.String(required=True, metadata={"description": "the key that asked for it"})
    created_at = fields.AwareDateTime(required=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)
    expires_at = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "until when the file can be downloaded"}
    )
    fault = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "why it failed: a problem's name as its key would get it, or sensor-gone, too-large …"
        },
    )
    bytes = fields.Integer(required=True, allow_none=True)
    sha256 = fields.String(required=True, allow_none=True, metadata={"description": "of the file, hexadecimal"})
    file = fields.String(required=True, allow_none=True, metadata={"description": "the file's path on this server"})


ExportAnswerSchema = answer_of(ExportSchema, "ExportAnswerSchema")
ExportPageSchema = page_of(ExportSchema, "ExportPageSchema")
