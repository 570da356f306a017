"""Marshmallow schemas of seismic events over HTTP: queries and answers."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.sensors.catalogue.circle import Circle
from services.sensors.catalogue.queries import EventFilter
from services.sensors.catalogue.solution import Status
from services.sensors.http.product_form import (
    AnswerMetaSchema,
    NumberedPageQuery,
    NumberedPageQuerySchema,
    answer_of,
    page_of,
)
from shared.web.operation import StrictSchema
from shared.web.requests.timestamp import DATA_TIME_FORMS, DataTime

RADIUS_KM_MAX = 20_038  # half of the Earth's circumference: all of it is within
FORMATS = ("csv", "json", "quakeml", "kml")
_DECIMAL = re.compile(r"[-+]?([0-9]{1,20}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][-+]?[0-9]{1,3})?", re.ASCII)
_LATER, _TOGETHER = "must be later than start", "give lat, lon and radius together"
_NOT_LESS = "must not be less than min_magnitude"


class DecimalNumber(fields.Float):
    """A number in a query; float() would take 1_0, digits of other scripts, and nan."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> float:
        if isinstance(value, str) and _DECIMAL.fullmatch(value) is None:
            raise self.make_error("invalid", input=value)
        number = super()._deserialize(value, attr, data, **kwargs)
        if math.isinf(number):
            raise self.make_error("too_large", input=value)
        return number


def _within(least: float, most: float) -> validate.Range:
    return validate.Range(min=least, max=most)


@dataclass(frozen=True, kw_only=True)  # without slots, for ListEventsQuery has two bases
class FiltersQuery:
    """What an event must meet, as it is asked for."""

    network_id: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    min_magnitude: float | None = None
    max_magnitude: float | None = None
    lat: float | None = None
    lon: float | None = None
    radius: float | None = None

    def wanted(self) -> EventFilter:
        circle = None
        if self.lat is not None and self.lon is not None and self.radius is not None:
            circle = Circle(latitude=self.lat, longitude=self.lon, radius_km=self.radius)
        return EventFilter(
            network_id=self.network_id,
            start=self.start,
            end=self.end,
            min_magnitude=self.min_magnitude,
            max_magnitude=self.max_magnitude,
            circle=circle,
        )


@dataclass(frozen=True, kw_only=True)
class ListEventsQuery(NumberedPageQuery, FiltersQuery):
    pass


@dataclass(frozen=True, kw_only=True)
class ExportEventsQuery(FiltersQuery):
    format: str | None = None


class FiltersSchema(StrictSchema):
    network_id = fields.String(validate=validate.Length(min=1, max=100))
    start = DataTime(metadata={"description": f"the first instant. {DATA_TIME_FORMS}"})
    end = DataTime(metadata={"description": f"the instant after the last. {DATA_TIME_FORMS}", "refusals": [_LATER]})
    min_magnitude = DecimalNumber(validate=_within(-20, 20))
    max_magnitude = DecimalNumber(validate=_within(-20, 20), metadata={"refusals": [_NOT_LESS]})
    lat = DecimalNumber(validate=_within(-90, 90), metadata={"description": "degrees", "refusals": [_TOGETHER]})
    lon = DecimalNumber(validate=_within(-180, 180), metadata={"description": "degrees", "refusals": [_TOGETHER]})
    radius = DecimalNumber(
        validate=_within(0.001, RADIUS_KM_MAX), metadata={"description": "km around lat, lon", "refusals": [_TOGETHER]}
    )

    @validates_schema
    def _agrees(self, data: dict[str, Any], **_: Any) -> None:
        if "start" in data and "end" in data and data["end"] <= data["start"]:
            raise ValidationError(_LATER, "end")
        if "min_magnitude" in data and data.get("max_magnitude", math.inf) < data["min_magnitude"]:
            raise ValidationError(_NOT_LESS, "max_magnitude")
        if 0 < len({"lat", "lon", "radius"} & data.keys()) < 3:
            raise ValidationError(_TOGETHER, next(iter(sorted({"lat", "lon", "radius"} & data.keys()))))


class ListEventsQuerySchema(NumberedPageQuerySchema, FiltersSchema):
    shape = ListEventsQuery


class ExportEventsQuerySchema(FiltersSchema):
    shape = ExportEventsQuery
    format = fields.String(validate=validate.OneOf(FORMATS))


def _known_or_null(kind: type[fields.Field[Any]], description: str = "") -> Any:
    return kind(required=True, allow_none=True, metadata={"description": description} if description else {})


class SeismicEventSchema(Schema):
    """One event of the catalogue; null: not known."""

    id = fields.String(required=True)
    origin_time = fields.AwareDateTime(required=True)
    latitude = fields.Float(required=True, metadata={"description": "degrees, WGS 84"})
    longitude = fields.Float(required=True, metadata={"description": "degrees, WGS 84"})
    depth_km = _known_or_null(fields.Float)
    magnitude = _known_or_null(fields.Float)
    magnitude_type = _known_or_null(fields.String, "such as Mw or ML")
    location_description = _known_or_null(fields.String)
    status = fields.String(required=True, allow_none=True, validate=validate.OneOf([each.value for each in Status]))
    network_id = _known_or_null(fields.String)
    event_type = _known_or_null(fields.String, "QuakeML's, such as earthquake or quarry blast")
    source = fields.String(required=True, metadata={"description": "whose catalogue says so"})


class EventQualitySchema(Schema):
    stations_used = _known_or_null(fields.Integer)
    azimuthal_gap = _known_or_null(fields.Float, "degrees")
    rms_residual = _known_or_null(fields.Float, "seconds")


class EventStationSchema(Schema):
    station_code = fields.String(required=True)
    distance_km = _known_or_null(fields.Float)
    p_arrival = _known_or_null(fields.AwareDateTime)
    s_arrival = _known_or_null(fields.AwareDateTime)


class EventRevisionSchema(Schema):
    revision = fields.Integer(required=True)
    recorded_at = fields.AwareDateTime(required=True)
    withdrawn = fields.Boolean(required=True, metadata={"description": "its source said that it did not happen"})
    changes = fields.Dict(
        keys=fields.String(), required=True, metadata={"description": "member → old and new; empty for the first"}
    )


class SeismicEventDetailsSchema(SeismicEventSchema):
    """An event with how well it is known, and what its source said before."""

    public_id = fields.String(required=True, metadata={"description": "its identifier in QuakeML"})
    depth_uncertainty_km = _known_or_null(fields.Float)
    horizontal_uncertainty_km = _known_or_null(fields.Float)
    magnitude_uncertainty = _known_or_null(fields.Float)
    quality = fields.Nested(EventQualitySchema, required=True)
    stations = fields.List(fields.Nested(EventStationSchema), required=True)
    created_at = fields.AwareDateTime(required=True)
    revision = fields.Integer(required=True)
    revisions = fields.List(fields.Nested(EventRevisionSchema), required=True)


SeismicEventAnswerSchema = answer_of(SeismicEventDetailsSchema, "SeismicEventAnswerSchema")
SeismicEventPageSchema = page_of(SeismicEventSchema, "SeismicEventPageSchema")


class SeismicEventExportSchema(StrictSchema):
    data = fields.List(fields.Nested(SeismicEventSchema), required=True)
    meta = fields.Nested(AnswerMetaSchema, required=True)
