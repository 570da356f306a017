"""Marshmallow schemas of sensors over HTTP: queries and answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields, validate

from services.sensors.http.configuration.configuration_schema import ConfigurationSchema, LocationSchema
from services.sensors.http.product_form import NumberedPageQuery, NumberedPageQuerySchema, page_of
from services.sensors.registry.device_type import DEVICE_TYPES
from services.sensors.registry.queries import Box
from services.sensors.registry.status import Status
from shared.web.operation import StrictSchema

_DECIMAL = re.compile(r" *[-+]?[0-9]{1,3}(\.[0-9]{0,20})? *", re.ASCII)


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
class ListSensorsQuery(NumberedPageQuery):
    bbox: Box | None = None
    status: Status | None = None
    network_id: str | None = None


class ListSensorsQuerySchema(NumberedPageQuerySchema):
    shape = ListSensorsQuery
    network_id = fields.String(validate=validate.Length(min=1, max=32))
    bbox = BoxField(metadata={"type": "string", "description": "west,south,east,north in degrees"})
    status = fields.Enum(
        Status, by_value=True, metadata={"description": "online finds those in warning, too: they are connected"}
    )


class ChannelSchema(StrictSchema):
    code = fields.String(required=True, metadata={"description": "SEED channel code"})
    location_code = fields.String(required=True)
    sample_rate_hz = fields.Float(required=True)
    unit = fields.String(required=True)


class SensorSchema(StrictSchema):
    """null: not known."""

    id = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": "as the sensor was registered"})
    serial_number = fields.String(required=True, allow_none=True)
    type = fields.String(required=True, allow_none=True, metadata={"description": " or ".join(DEVICE_TYPES)})
    network_code = fields.String(required=True, metadata={"description": "SEED network code"})
    station_code = fields.String(required=True, metadata={"description": "SEED station code"})
    location_code = fields.String(
        required=True, allow_none=True, metadata={"description": "of all of its channels; null: they differ"}
    )
    network_id = fields.String(required=True, allow_none=True)
    location = fields.Nested(LocationSchema, required=True, allow_none=True)
    status = fields.Enum(
        Status,
        by_value=True,
        required=True,
        metadata={"description": "warning: online, with late or missing samples, or an uncertain clock"},
    )
    last_seen = fields.AwareDateTime(required=True, allow_none=True)
    last_sample_at = fields.AwareDateTime(required=True, allow_none=True)
    firmware_version = fields.String(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True, allow_none=True)
    channels = fields.List(fields.Nested(ChannelSchema), required=True)
    configuration = fields.Nested(ConfigurationSchema, required=True)
    revision = fields.Integer(required=True, metadata={"description": "of the configuration"})


SensorPageSchema = page_of(SensorSchema, "SensorPageSchema")
