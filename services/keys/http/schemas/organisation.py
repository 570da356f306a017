"""The organisation in the API: the schema of its answer, and of the body that changes its settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import fields, validate
from msgspec import UNSET, UnsetType

from services.keys.http.schemas.members import LimitsInForceSchema
from shared.web.merge_patch.read_only import MergePatchSchema, read_only
from shared.web.operation import StrictSchema


class ActiveKeysSchema(StrictSchema):
    active = fields.Integer(required=True)
    most = fields.Integer(required=True)


class OrganisationSchema(StrictSchema):
    id = fields.String(required=True)
    revision = fields.Integer(required=True)
    name = fields.String(required=True)
    tier = fields.String(required=True)
    registered_at = fields.AwareDateTime(required=True)
    limits = fields.Nested(LimitsInForceSchema, required=True)
    keys = fields.Nested(ActiveKeysSchema, required=True)
    unused_expiry_days = fields.Integer(required=True, allow_none=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOrganisationBody:
    """UNSET: stays as it is. `fixed`: what callers never change, as the caller has it."""

    unused_expiry_days: int | UnsetType | None = UNSET
    fixed: Mapping[str, Any] = field(default_factory=dict)


class EditOrganisationSchema(MergePatchSchema):
    shape = EditOrganisationBody
    unused_expiry_days = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(min=7, max=365),
        metadata={"description": "keys unused for this many days expire; null: unused keys do not expire"},
    )

    class Meta(StrictSchema.Meta):
        include = read_only(
            OrganisationSchema,
            are_fixed=("id", "name", "registered_at"),
            are_moving=("revision", "tier", "limits", "keys"),
        )
