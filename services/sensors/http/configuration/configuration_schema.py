"""Marshmallow schemas of a sensor's configuration over HTTP: the patch, and the answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from services.sensors.http.product_form import answer_of, page_of
from services.sensors.registry.configuration import Sensitivity
from shared.web.merge_patch.read_only import parted, read_only
from shared.web.operation import StrictSchema
from shared.web.requests.strict_boolean import StrictBoolean
from shared.web.requests.texts import not_blank, plain_text, prose
from shared.web.schemas.number import Number
from shared.web.schemas.refusals import refuses
from shared.web.schemas.whole_number import WholeNumber

NAME_CHARACTERS_MAX, TAG_CHARACTERS_MAX, TAGS_MAX = 100, 50, 20
OFF_BELOW_ON, SHORT_BELOW_LONG = "must be below on_ratio", "must be below long_seconds"
_TWICE = "must not name the same twice"
_RATE = validate.Range(min=1, max=1000)


@refuses(_TWICE)
def _each_once(tags: list[str]) -> None:
    if len(set(tags)) != len(tags):
        raise ValidationError(_TWICE)


class LocationSchema(StrictSchema):
    latitude = fields.Float(required=True, metadata={"description": "degrees, WGS 84"})
    longitude = fields.Float(required=True, metadata={"description": "degrees, WGS 84"})
    elevation = fields.Float(required=True, allow_none=True, metadata={"description": "metres"})
    site_name = fields.String(required=True, allow_none=True)


class TriggerSchema(StrictSchema):
    short_seconds = fields.Float(required=True, metadata={"description": "length of the short-term average"})
    long_seconds = fields.Float(required=True, metadata={"description": "length of the long-term average"})
    on_ratio = fields.Float(required=True, metadata={"description": "short over long at which it goes on"})
    off_ratio = fields.Float(required=True)


class ConfigurationSchema(StrictSchema):
    enabled = fields.Boolean(required=True, metadata={"description": "false: nothing is to be detected with it"})
    display_name = fields.String(required=True, allow_none=True)
    description = fields.String(required=True, allow_none=True)
    tags = fields.List(fields.String(), required=True)
    sample_rate_hz = fields.Float(required=True, allow_none=True, metadata={"description": "asked of the device"})
    sensitivity = fields.Enum(Sensitivity, by_value=True, required=True, allow_none=True)
    trigger = fields.Nested(TriggerSchema, required=True, allow_none=True)
    location = fields.Nested(
        LocationSchema,
        required=True,
        allow_none=True,
        metadata={"description": "where its owner says that it stands, from when that was set; null: not said"},
    )


class SensorConfigurationSchema(ConfigurationSchema):
    sensor_id = fields.String(required=True)
    revision = fields.Integer(required=True)


class _TriggerPatchSchema(StrictSchema):
    short_seconds = Number(
        allow_none=True, validate=validate.Range(min=0.05, max=60), metadata={"refusals": [SHORT_BELOW_LONG]}
    )
    long_seconds = Number(allow_none=True, validate=validate.Range(min=1, max=600))
    on_ratio = Number(allow_none=True, validate=validate.Range(min=1, max=1000))
    off_ratio = Number(
        allow_none=True, validate=validate.Range(min=0.1, max=1000), metadata={"refusals": [OFF_BELOW_ON]}
    )


class _LocationPatchSchema(StrictSchema):
    latitude = Number(required=True, validate=validate.Range(min=-90, max=90))
    longitude = Number(required=True, validate=validate.Range(min=-180, max=180))
    elevation = Number(allow_none=True, validate=validate.Range(min=-12_000, max=9_000))
    site_name = fields.String(
        allow_none=True, validate=[validate.Length(min=1, max=NAME_CHARACTERS_MAX), plain_text, not_blank]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationPatch:
    """`given`: members to merge, null where one is to be unset. `revision`: that which the change is based on."""

    given: Mapping[str, Any]
    revision: int | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)


class ConfigurationPatchSchema(StrictSchema):
    shape = ConfigurationPatch
    enabled = StrictBoolean(allow_none=True)
    display_name = fields.String(
        allow_none=True, validate=[validate.Length(min=1, max=NAME_CHARACTERS_MAX), plain_text, not_blank]
    )
    description = fields.String(allow_none=True, validate=[validate.Length(max=1000), prose])
    tags = fields.List(
        fields.String(validate=[validate.Length(min=1, max=TAG_CHARACTERS_MAX), plain_text, not_blank]),
        allow_none=True,
        validate=[validate.Length(max=TAGS_MAX), _each_once],
    )
    sample_rate_hz = Number(allow_none=True, validate=_RATE)
    sensitivity = fields.Enum(Sensitivity, by_value=True, allow_none=True)
    trigger = fields.Nested(_TriggerPatchSchema, allow_none=True)
    location = fields.Nested(_LocationPatchSchema, allow_none=True)
    revision = WholeNumber(
        validate=validate.Range(min=1, max=999_999_999), metadata={"description": "in place of If-Match"}
    )

    class Meta(StrictSchema.Meta):
        include = read_only(SensorConfigurationSchema, are_fixed=("sensor_id",), are_moving=())

    @post_load
    def _into_shape(self, data: Mapping[str, Any], **_: Any) -> ConfigurationPatch:
        asked, fixed = parted(self, data)
        return ConfigurationPatch(revision=asked.pop("revision", None), given=asked, fixed=fixed)


class ConfigurationChangeSchema(StrictSchema):
    revision = fields.Integer(required=True, metadata={"description": "of the configuration after the change"})
    at = fields.AwareDateTime(required=True)
    actor = fields.String(required=True, metadata={"description": "id of the key that made it"})
    request_id = fields.String(required=True, allow_none=True)
    changes = fields.Dict(
        keys=fields.String(), required=True, metadata={"description": "member → {old, new}; null: not set"}
    )


SensorConfigurationAnswerSchema = answer_of(SensorConfigurationSchema, "SensorConfigurationAnswerSchema")
ConfigurationHistoryPageSchema = page_of(ConfigurationChangeSchema, "ConfigurationHistoryPageSchema")
