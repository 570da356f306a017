"""What one sensor shows beyond its row in lists: health, clock, account of samples, and epochs; with the schemas."""

from typing import Any

from marshmallow import fields

from services.sensors.health.details import SensorDetails
from services.sensors.http.configuration.configuration_schema import LocationSchema
from services.sensors.http.product_form import answer_of
from services.sensors.http.sensor_schema import SensorSchema
from services.sensors.registry.epoch import EVER_NS, FOREVER_NS, OF_SENSOR, Epoch, Facts, Orientation, Place
from services.sensors.registry.queries import SensorView
from services.sensors.store.miniseed.codes import ASSUMED_COMPONENTS
from shared.values.timestamps import from_nanoseconds, rfc3339
from shared.web.operation import StrictSchema

UP = Orientation(azimuth=0.0, dip=-90.0)
HORIZONTAL = Orientation(azimuth=None, dip=0.0)


def detailed(sensor: SensorView, details: SensorDetails) -> dict[str, Any]:
    account, uncertainty_ns = details.account, details.uncertainty_ns
    uncertainty_ms = None if uncertainty_ns is None else round(uncertainty_ns / 1e6, 1)
    return {
        "latency_ms": {"hour": details.latency_hour_ms, "day": details.latency_day_ms},
        "completeness": {"hour": details.completeness_hour, "day": details.completeness_day},
        "clock": {"uncertainty_ms": uncertainty_ms, "eras": details.eras},
        "samples": {
            "offered": account.offered,
            "new": account.new,
            "repeated": account.repeated,
            "differing": account.differing,
            "rejected": account.rejected,
        },
        "epochs": [*_stated(details), *_assumed(sensor, details)],
    }


def _stated(details: SensorDetails) -> list[dict[str, Any]]:
    return [
        _epoch(axis, epoch, is_assumed=False) for axis, epochs in sorted(details.epochs.items()) for epoch in epochs
    ]


def _assumed(sensor: SensorView, details: SensorDetails) -> list[dict[str, Any]]:
    """Orientations of a device's axes of which nobody has said anything."""
    if sensor.unit != "mGal" or not sensor.channels:
        return []
    return [
        _epoch(
            axis,
            Epoch(from_ns=EVER_NS, to_ns=FOREVER_NS, facts=Facts(orientation=UP if letter == "Z" else HORIZONTAL)),
            is_assumed=True,
        )
        for axis, letter in ASSUMED_COMPONENTS.items()
        if not any(epoch.facts.orientation for epoch in details.epochs.get(axis, ()))
    ]


def _epoch(axis: str, epoch: Epoch, *, is_assumed: bool) -> dict[str, Any]:
    facts = epoch.facts
    return {
        "axis": None if axis == OF_SENSOR else axis,
        "from": None if epoch.from_ns <= EVER_NS else rfc3339(from_nanoseconds(epoch.from_ns)),
        "to": None if epoch.to_ns >= FOREVER_NS else rfc3339(from_nanoseconds(epoch.to_ns)),
        "assumed": is_assumed,
        "location": None if facts.place is None else located(facts.place),
        "serial_number": facts.serial_number,
        "firmware_version": facts.firmware_version,
        "type": facts.device_type,
        "location_code": facts.location_code,
        "code": facts.channel_code,
        "azimuth": None if facts.orientation is None else facts.orientation.azimuth,
        "dip": None if facts.orientation is None else facts.orientation.dip,
        "sample_rate_hz": facts.sample_rate_hz,
        "response": facts.response,
    }


def located(place: Place) -> dict[str, Any]:
    return {
        "latitude": place.latitude,
        "longitude": place.longitude,
        "elevation": place.elevation_m,
        "site_name": place.site_name,
    }


class LatencySchema(StrictSchema):
    hour = fields.Float(required=True, allow_none=True, metadata={"description": "mean of the last hour; null: none"})
    day = fields.Float(required=True, allow_none=True)


class CompletenessSchema(StrictSchema):
    hour = fields.Float(required=True, allow_none=True, metadata={"description": "0 to 1, of the last hour"})
    day = fields.Float(required=True, allow_none=True)


class ClockSchema(StrictSchema):
    uncertainty_ms = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "how far times may be wrong beyond the least delay; null: no device clock dates them"},
    )
    eras = fields.Integer(required=True, metadata={"description": "how often the device's clock was set, and one"})


class SampleAccountSchema(StrictSchema):
    """offered = new + repeated + differing + rejected"""

    offered = fields.Integer(required=True, metadata={"description": "samples ever, on all axes together"})
    new = fields.Integer(required=True)
    repeated = fields.Integer(required=True, metadata={"description": "offered again, with the same value"})
    differing = fields.Integer(required=True, metadata={"description": "offered again with another: the first stays"})
    rejected = fields.Integer(required=True)


class ResponseSchema(StrictSchema):
    sensitivity = fields.Float(required=True)
    frequency_hz = fields.Float(required=True)
    input_unit = fields.String(required=True)


class EpochSchema(StrictSchema):
    """What holds from one time to before another; null: not stated."""

    axis = fields.String(required=True, allow_none=True, metadata={"description": "null: of the whole sensor"})
    to = fields.AwareDateTime(required=True, allow_none=True, metadata={"description": "null: for ever"})
    assumed = fields.Boolean(required=True, metadata={"description": "true: nobody has stated it"})
    location = fields.Nested(LocationSchema, required=True, allow_none=True)
    serial_number = fields.String(required=True, allow_none=True)
    firmware_version = fields.String(required=True, allow_none=True)
    type = fields.String(required=True, allow_none=True)
    location_code = fields.String(required=True, allow_none=True)
    code = fields.String(required=True, allow_none=True, metadata={"description": "SEED channel code"})
    azimuth = fields.Float(required=True, allow_none=True, metadata={"description": "degrees from north"})
    dip = fields.Float(required=True, allow_none=True, metadata={"description": "degrees downwards; -90 is up"})
    sample_rate_hz = fields.Float(required=True, allow_none=True)
    response = fields.Nested(ResponseSchema, required=True, allow_none=True)

    class Meta(StrictSchema.Meta):
        # `from` is a word of Python.
        include = {  # noqa: RUF012  read by marshmallow
            "from": fields.AwareDateTime(required=True, allow_none=True, metadata={"description": "null: since ever"})
        }


class SensorDetailsSchema(SensorSchema):
    latency_ms = fields.Nested(LatencySchema, required=True, metadata={"description": "from sample to storage"})
    completeness = fields.Nested(CompletenessSchema, required=True)
    clock = fields.Nested(ClockSchema, required=True)
    samples = fields.Nested(SampleAccountSchema, required=True)
    epochs = fields.List(fields.Nested(EpochSchema), required=True)


SensorAnswerSchema = answer_of(SensorDetailsSchema, "SensorAnswerSchema")
