"""Marshmallow schemas of the sensor API: queries and answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields, validate

from services.sensors.queries import Box, Status
from shared.web.operation import StrictSchema
from shared.web.pagination import PageQuery, PageQuerySchema
from shared.web.requests.timestamp import Timestamp

POINTS_MAX = 100_000
_DECIMAL = re.compile(r" *[-+]?[0-9]{1,3}(\.[0-9]{0,20})? *", re.ASCII)


def _within_recorded_time(moment: datetime) -> None:
    """Before 1900 nothing was recorded; and nanoseconds since 1970 must fit 64 bits."""
    if not 1900 < moment.year < 2200:
        raise ValidationError("must be between the years 1901 and 2199")


def _degrees(text: str) -> float:
    """Raises ValueError, also for what only float() takes: 1_0, digits of other scripts."""
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError(text)
    return float(text)


class BoxField(fields.Field[Box]):
    """`west,south,east,north` in degrees."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Box:
        try:
            west, south, east, north = (_degrees(part) for part in str(value).split(","))
        except ValueError:
            raise ValidationError("must be four numbers in degrees: west,south,east,north") from None
        if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
            raise ValidationError(
                "must have longitudes from -180 to 180, latitudes from -90 to 90, and south below north"
            )
        return Box(west=west, south=south, east=east, north=north)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSensorsQuery(PageQuery):
    bbox: Box | None = None


class ListSensorsQuerySchema(PageQuerySchema):
    shape = ListSensorsQuery
    bbox = BoxField(metadata={"type": "string", "description": "west,south,east,north in degrees"})


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


class LocationSchema(StrictSchema):
    latitude = fields.Float(required=True, metadata={"description": "degrees, WGS 84"})
    longitude = fields.Float(required=True, metadata={"description": "degrees, WGS 84"})
    elevation_m = fields.Float(required=True, allow_none=True)


class ChannelSchema(StrictSchema):
    code = fields.String(required=True, metadata={"description": "SEED channel code"})
    location_code = fields.String(required=True)
    sample_rate_hz = fields.Float(required=True)
    unit = fields.String(required=True)


class SensorSchema(StrictSchema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    network = fields.String(required=True)
    station = fields.String(required=True)
    location = fields.Nested(LocationSchema, required=True, allow_none=True)
    channels = fields.List(fields.Nested(ChannelSchema), required=True)
    status = fields.Enum(Status, by_value=True, required=True)
    last_sample_at = fields.AwareDateTime(required=True, allow_none=True)


class SensorListSchema(StrictSchema):
    data = fields.List(fields.Nested(SensorSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class SegmentSchema(StrictSchema):
    channel = fields.String(required=True)
    location_code = fields.String(required=True)
    start = fields.AwareDateTime(required=True)
    sample_rate_hz = fields.Float(required=True)
    samples = fields.List(fields.Float(), required=True)


class SensorDataSchema(StrictSchema):
    sensor_id = fields.String(required=True)
    unit = fields.String(required=True)
    segments = fields.List(fields.Nested(SegmentSchema), required=True)


class SeismicEventListSchema(StrictSchema):
    data = fields.List(fields.Dict(), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
