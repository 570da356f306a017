"""Marshmallow schemas of networks over HTTP: bodies, queries and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import fields, validate
from msgspec import UNSET, UnsetType

from services.sensors.http.product_form import answer_of, page_of
from services.sensors.networks.network import DetectionChange, NeverOff
from shared.web.merge_patch.read_only import MergePatchSchema, read_only
from shared.web.operation import StrictSchema
from shared.web.requests.strict_boolean import StrictBoolean
from shared.web.requests.texts import not_blank, plain_text, prose
from shared.web.schemas.number import Number
from shared.web.schemas.whole_number import WholeNumber

NAME_CHARACTERS_MAX, MOVED_MAX = 100, 100
_RATIO = validate.Range(min=1, max=1000)


class DetectionSchema(StrictSchema):
    trigger_on = fields.Float(required=True, allow_none=True, metadata={"description": "short to long-term average"})
    trigger_off = fields.Float(required=True, allow_none=True)
    stations_min = fields.Integer(required=True, allow_none=True)
    window_seconds = fields.Float(required=True, allow_none=True)


class NetworkSchema(StrictSchema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True, allow_none=True)
    organization_id = fields.String(required=True)
    sensor_count = fields.Integer(
        required=True, metadata={"description": "sensors that keys may see: 0 while api_access is false"}
    )
    api_access = fields.Boolean(required=True, metadata={"description": "false: closed to keys"})
    accepts_new = fields.Boolean(required=True, metadata={"description": "false: no sensor may join"})
    archived = fields.Boolean(
        required=True, metadata={"description": "true: no sensor may join; what it has stays readable"}
    )
    detection = fields.Nested(
        DetectionSchema, required=True, metadata={"description": "kept for detection; null: the detector's own choice"}
    )
    created_at = fields.AwareDateTime(required=True)
    revision = fields.Integer(required=True)


class DetectionChangeSchema(StrictSchema):
    shape = DetectionChange
    trigger_on = Number(allow_none=True, validate=_RATIO)
    trigger_off = Number(allow_none=True, validate=_RATIO, metadata={"refusals": [str(NeverOff())]})
    stations_min = WholeNumber(allow_none=True, validate=validate.Range(min=1, max=1000))
    window_seconds = Number(allow_none=True, validate=validate.Range(min=1, max=3600))


class _NetworkBodySchema(StrictSchema):
    name = fields.String(validate=[validate.Length(min=1, max=NAME_CHARACTERS_MAX), plain_text, not_blank])
    description = fields.String(allow_none=True, validate=[validate.Length(max=1000), prose])
    api_access = StrictBoolean()
    accepts_new = StrictBoolean()
    detection = fields.Nested(DetectionChangeSchema, allow_none=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateNetworkBody:
    name: str
    description: str | None = None
    api_access: bool = True
    accepts_new: bool = True
    detection: DetectionChange | None = None


class CreateNetworkSchema(_NetworkBodySchema):
    shape = CreateNetworkBody

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.fields["name"].required = True


@dataclass(frozen=True, slots=True, kw_only=True)
class EditNetworkBody:
    """UNSET: stays as it is. `revision`: that which the change is based on. `fixed`: what never changes, as named."""

    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    api_access: bool | UnsetType = UNSET
    accepts_new: bool | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    detection: DetectionChange | UnsetType | None = UNSET
    revision: int | UnsetType = UNSET
    fixed: Mapping[str, Any] = field(default_factory=dict)


class EditNetworkSchema(_NetworkBodySchema, MergePatchSchema):
    shape = EditNetworkBody
    archived = StrictBoolean()
    revision = WholeNumber(
        validate=validate.Range(min=1, max=999_999_999), metadata={"description": "in place of If-Match"}
    )

    class Meta(StrictSchema.Meta):
        include = read_only(
            NetworkSchema, are_fixed=("id", "organization_id", "created_at"), are_moving=("sensor_count",)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionQuery:
    name: str


class DeletionQuerySchema(StrictSchema):
    shape = DeletionQuery
    name = fields.String(
        required=True,
        validate=validate.Length(min=1, max=NAME_CHARACTERS_MAX),
        metadata={"description": "the network's name, typed, for a deletion is for good"},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveSensorsBody:
    sensor_ids: list[str]


class MoveSensorsSchema(StrictSchema):
    shape = MoveSensorsBody
    sensor_ids = fields.List(
        fields.String(validate=[validate.Length(max=32), plain_text]),
        required=True,
        validate=validate.Length(min=1, max=MOVED_MAX),
        metadata={"refusals": ["there is no sensor with this id"]},
    )


class NetworkStatisticsSchema(StrictSchema):
    network_id = fields.String(required=True)
    total_sensors = fields.Integer(required=True)
    online_sensors = fields.Integer(required=True, metadata={"description": "those in warning among them"})
    offline_sensors = fields.Integer(required=True)
    events_30d = fields.Integer(required=True, metadata={"description": "seismic events of the last thirty days"})
    data_completeness = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "0 to 1, of the last day of the channels that have recordings; null: none has any"},
    )


class DeletedNetworkSchema(StrictSchema):
    id = fields.String(required=True)
    deleted_at = fields.AwareDateTime(required=True)


NetworkAnswerSchema = answer_of(NetworkSchema, "NetworkAnswerSchema")
NetworkPageSchema = page_of(NetworkSchema, "NetworkPageSchema")
NetworkStatisticsAnswerSchema = answer_of(NetworkStatisticsSchema, "NetworkStatisticsAnswerSchema")
DeletedNetworkAnswerSchema = answer_of(DeletedNetworkSchema, "DeletedNetworkAnswerSchema")
