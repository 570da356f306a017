"""Marshmallow schemas of rules and alerts: bodies, queries and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema
from msgspec import UNSET, UnsetType

from services.usage.alerting.rules.rule import (
    Kind,
)
from shared.web.merge_patch.read_only import MergePatchSchema, read_only
from shared.web.operation import StrictSchema
from shared.web.pagination import PageQuery, PageQuerySchema
from shared.web.requests.strict_boolean import StrictBoolean
from shared.web.requests.texts import NOT_PLAIN, plain_text
from shared.web.requests.timestamp import Timestamp
from shared.web.schemas.refusals import refuses

KEYS_MAX, CHANNELS_MAX = 100, 20
_ONE_CHOICE = "give key_ids or label, not both"


_NO_LABEL = "must be a label's name and value, such as env:prod"


@refuses(_NO_LABEL, *NOT_PLAIN, pattern=r"^[^\x00-\x1f\x7f-\x9f:]+:[^\x00-\x1f\x7f-\x9f]*$")
def _label(text: str) -> None:
    plain_text(text)
    name, colon, _ = text.partition(":")
    if not name or not colon:
        raise ValidationError(_NO_LABEL)


class _RuleSchema(StrictSchema):
    parameters = fields.Dict(
        keys=fields.String(),
        allow_none=True,
        metadata={
            "description": "quota: thresholds_percent; error-rate: threshold_percent, requests_min; volume: factor, "
            "requests_min; key-expiring: days. Left out: its default, or in a change what it was; null: its default",
            "refusals": ["Unknown field."],
        },
    )
    key_ids = fields.List(
        fields.String(validate=[validate.Length(max=32), plain_text]),
        allow_none=True,
        validate=validate.Length(min=1, max=KEYS_MAX),
        metadata={
            "description": "ids of the keys that the rule is about; null, with label null: all keys",
            "refusals": ["there is no key with this id"],
        },
    )
    label = fields.String(
        allow_none=True,
        validate=[validate.Length(max=200), _label],
        metadata={
            "description": "the rule is about the keys with this label, such as env:prod",
            "refusals": [_ONE_CHOICE],
        },
    )
    channels = fields.List(
        fields.String(validate=[validate.Length(max=32), plain_text]),
        allow_none=True,
        validate=validate.Length(max=CHANNELS_MAX),
        metadata={
            "description": "ids of the channels to notify; empty: every channel that takes alerts",
            "refusals": ["there is no channel with this id"],
        },
    )
    muted = StrictBoolean(metadata={"description": "true: alerts are raised and listed, but no channel is notified"})

    @validates_schema
    def _one_choice(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("key_ids") is not None and data.get("label") is not None:
            raise ValidationError(_ONE_CHOICE, "label")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRuleBody:
    kind: Kind
    parameters: dict[str, Any] | None = None
    key_ids: list[str] | None = None
    label: str | None = None
    channels: list[str] | None = None
    muted: bool = False


class CreateRuleSchema(_RuleSchema):
    shape = CreateRuleBody
    kind = fields.Enum(Kind, by_value=True, required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRuleBody:
    """UNSET: stays as it is. None: as if it had never been given. `fixed`: what never changes, as the caller has it."""

    parameters: dict[str, Any] | UnsetType | None = UNSET
    key_ids: list[str] | UnsetType | None = UNSET
    label: str | UnsetType | None = UNSET
    channels: list[str] | UnsetType | None = UNSET
    muted: bool | UnsetType = UNSET
    fixed: Mapping[str, Any] = field(default_factory=dict)


class RuleSchema(StrictSchema):
    id = fields.String(required=True)
    kind = fields.Enum(Kind, by_value=True, required=True)
    parameters = fields.Dict(keys=fields.String(), required=True)
    key_ids = fields.List(fields.String(), required=True, allow_none=True)
    label = fields.String(required=True, allow_none=True)
    channels = fields.List(fields.String(), required=True)
    muted = fields.Boolean(required=True)
    warnings = fields.List(
        fields.String(), required=True, metadata={"description": "why nobody is told of what it raises"}
    )
    revision = fields.Integer(required=True)
    created_at = fields.AwareDateTime(required=True)


class EditRuleSchema(_RuleSchema, MergePatchSchema):
    shape = EditRuleBody

    class Meta(StrictSchema.Meta):
        include = read_only(RuleSchema, are_fixed=("id", "kind", "created_at"), are_moving=("warnings", "revision"))


class RuleListSchema(StrictSchema):
    data = fields.List(fields.Nested(RuleSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertQuery(PageQuery):
    """`from_` is `from` in the query; `to` itself is not in the range. `rule_id`: of any rule that was met."""

    key_id: str | None = None
    rule_id: str | None = None
    kind: str | None = None
    status: str | None = None
    from_: datetime | None = None
    to: datetime | None = None

    def is_open(self) -> bool | None:
        return None if self.status is None else self.status == "open"


class AlertQuerySchema(PageQuerySchema):
    shape = AlertQuery
    key_id = fields.String(validate=validate.Length(min=1, max=32))
    rule_id = fields.String(validate=validate.Length(min=1, max=32))
    kind = fields.String(validate=validate.OneOf(tuple(Kind)))
    status = fields.String(validate=validate.OneOf(("open", "resolved")))
    from_ = Timestamp(data_key="from")
    to = Timestamp()


class AlertFactsSchema(StrictSchema):
    """Which fields are present depends on the kind of rule."""

    at = fields.AwareDateTime(required=True)
    request_id = fields.String()
    route = fields.String()
    address = fields.String()
    user_agent = fields.String()
    window = fields.String(metadata={"description": "which quota: minute or day"})
    threshold_percent = fields.Integer()
    limit = fields.Integer()
    used = fields.Integer()
    requests = fields.Integer()
    failed = fields.Integer()
    per_hour = fields.Float(metadata={"description": "the requests that the key usually makes in an hour"})
    source = fields.String(metadata={"description": "what is new: address, user-agent or address-and-user-agent"})
    expires_at = fields.AwareDateTime()
    days_left = fields.Integer(metadata={"description": "whole days, rounded down"})
    threshold_days = fields.Integer(metadata={"description": "the threshold that was crossed"})
    problem = fields.String(metadata={"description": "what a dead secret was refused with, such as key-rotated"})
    secret_hint = fields.String(metadata={"description": "of that secret; a deleted key's has none"})


class AlertSchema(StrictSchema):
    id = fields.String(required=True)
    rule_id = fields.String(required=True)
    rule_ids = fields.List(
        fields.String(), required=True, metadata={"description": "every rule that was met, rule_id first"}
    )
    kind = fields.Enum(Kind, by_value=True, required=True)
    key_id = fields.String(required=True)
    facts = fields.Nested(AlertFactsSchema, required=True)
    muted = fields.Boolean(required=True)
    raised_at = fields.AwareDateTime(required=True)
    resolved_at = fields.AwareDateTime(required=True, allow_none=True)


class AlertListSchema(StrictSchema):
    data = fields.List(fields.Nested(AlertSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
