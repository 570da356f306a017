"""The organisation in the API: the schema of its answer, and of the body that changes its settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import fields, validate
from msgspec import UNSET, UnsetType

from services.keys.http.schemas.members import LimitsInForceSchema
from shared.web.merge_patch.read_only import MergePatchSchema, read_only
from shared.web.operation import StrictSchema
from shared.web.schemas.whole_number import WholeNumber


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
    lifetime_max_days = fields.Integer(required=True, allow_none=True)
    lifetime_default_days = fields.Integer(required=True, allow_none=True)


def _days(least: int, most: int, description: str, *refusals: str) -> WholeNumber:
    bounds = validate.Range(min=least, max=most)
    return WholeNumber(allow_none=True, validate=bounds, metadata={"description": description, "refusals": refusals})


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOrganisationBody:
    """UNSET: stays as it is. `fixed`: what callers never change, as the caller has it."""

    unused_expiry_days: int | UnsetType | None = UNSET
    lifetime_max_days: int | UnsetType | None = UNSET
    lifetime_default_days: int | UnsetType | None = UNSET
    fixed: Mapping[str, Any] = field(default_factory=dict)


class EditOrganisationSchema(MergePatchSchema):
    shape = EditOrganisationBody
    unused_expiry_days = _days(7, 365, "keys unused for this many days expire; null: unused keys do not expire")
    lifetime_max_days = _days(
        1, 3650, "no new key may live longer, and no key be prolonged beyond, counted from its creation; null: no limit"
    )
    lifetime_default_days = _days(
        1,
        3650,
        "how long a key lives, other than an admin key, whose creation does not say when it expires; null: as long as "
        "it may",
        "must not exceed lifetime_max_days",
    )

    class Meta(StrictSchema.Meta):
        include = read_only(
            OrganisationSchema,
            are_fixed=("id", "name", "registered_at"),
            are_moving=("revision", "tier", "limits", "keys"),
        )
