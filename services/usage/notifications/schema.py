"""Marshmallow schemas of channels and deliveries: bodies, queries and answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError, fields, validate, validates_schema
from msgspec import UNSET, UnsetType

from services.usage.notifications.channel import ALERT_EVENTS, EVENTS, Kind
from services.usage.notifications.delivery import Status
from services.usage.notifications.senders.egress_guard import NO_TLS, NOT_PUBLIC
from shared.observability.redaction import redact
from shared.web.merge_patch.read_only import MergePatchSchema, read_only
from shared.web.operation import StrictSchema
from shared.web.pagination import PageQuery, PageQuerySchema
from shared.web.requests.strict_boolean import StrictBoolean
from shared.web.requests.texts import not_blank, plain_text
from shared.web.requests.timestamp import Timestamp
from shared.web.schemas.refusals import refuses
from shared.web.schemas.whole_number import WholeNumber

_NO_OVERLAP = "the secret that is replaced signs no more: leave overlap_seconds out"
NAME_MAX = 100
OVERLAP_SECONDS_DEFAULT, OVERLAP_SECONDS_MAX = 86_400, 7 * 86_400
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}", re.ASCII)
_VISIBLE = re.compile(r"[!-~]+", re.ASCII)


_VISIBLE_ONLY = "must contain visible ASCII characters only, and no API key"
_NO_URL = "must be of the form https://HOST/PATH"
_ADDRESS_ALONE = "must not contain a user name, password or fragment: verify the signature of each message instead"
_NO_OVERLAP = "the secret that is replaced signs no more: leave overlap_seconds out"
_NO_EMAIL = "must be one email address, such as ops@example.org"
_NEEDED, _NOT_THIS_KIND = "is required for a channel of this kind", "does not apply to a channel of this kind"


@refuses(_VISIBLE_ONLY, _NO_URL, _ADDRESS_ALONE, pattern=r"^[!-~]+$")
def _url(text: str) -> None:
    if not _VISIBLE.fullmatch(text) or redact(text) != text:
        raise ValidationError(_VISIBLE_ONLY)
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in ("https", "http") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ValidationError(_NO_URL)
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValidationError(_ADDRESS_ALONE)


@refuses(_NO_EMAIL)
def _address(text: str) -> None:
    if not _ADDRESS.fullmatch(text):
        raise ValidationError(_NO_EMAIL)


class _ChannelBodySchema(StrictSchema):
    url = fields.String(
        validate=[validate.Length(max=2048), _url],
        metadata={"description": "of a webhook", "refusals": [_NEEDED, _NOT_THIS_KIND, NO_TLS, NOT_PUBLIC]},
    )
    address = fields.String(
        validate=[validate.Length(max=254), _address],
        metadata={"description": "of a person", "refusals": [_NEEDED, _NOT_THIS_KIND]},
    )
    name = fields.String(
        allow_none=True,
        validate=[validate.Length(min=1, max=NAME_MAX), plain_text, not_blank],
        metadata={"description": "what people call it; null: by the host of its URL or address"},
    )
    events = fields.List(
        fields.String(validate=validate.OneOf(EVENTS)),
        allow_none=True,
        validate=validate.Length(min=1, max=len(EVENTS)),
        metadata={"description": f"default: {', '.join(ALERT_EVENTS)}"},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateChannelBody:
    kind: Kind
    url: str | None = None
    address: str | None = None
    name: str | None = None
    events: list[str] | None = None


class CreateNotificationChannelSchema(_ChannelBodySchema):
    shape = CreateChannelBody
    kind = fields.Enum(Kind, by_value=True, required=True)

    @validates_schema
    def _one_target(self, data: dict[str, Any], **_: Any) -> None:
        wanted, other = ("url", "address") if data["kind"] is Kind.WEBHOOK else ("address", "url")
        if wanted not in data:
            raise ValidationError(_NEEDED, wanted)
        if other in data:
            raise ValidationError(_NOT_THIS_KIND, other)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditChannelBody:
    """UNSET: stays as it is. None: as if it had never been given. `fixed`: what never changes, as the caller has it.

    `disabled` False enables the channel again, also after it answered 410.
    """

    url: str | UnsetType = UNSET
    address: str | UnsetType = UNSET
    name: str | UnsetType | None = UNSET
    events: list[str] | UnsetType | None = UNSET
    disabled: bool | UnsetType = UNSET
    fixed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateSecretBody:
    """`instead`: of the newest secret; then there is no overlap to give."""

    overlap_seconds: int = OVERLAP_SECONDS_DEFAULT
    instead: bool = False


class RotateSecretSchema(StrictSchema):
    shape = RotateSecretBody
    overlap_seconds = WholeNumber(
        validate=validate.Range(min=0, max=OVERLAP_SECONDS_MAX),
        metadata={"description": "for how many seconds the previous secret also signs"},
    )
    instead = StrictBoolean(
        metadata={
            "description": "true: the new secret takes the place of the newest one, and the one before that signs on as"
            " long as it would have; for who lost the answer with the newest. If none does, a rotation without overlap",
            "refusals": [_NO_OVERLAP],
        }
    )

    @validates_schema
    def _one_wish(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("instead") and data.get("overlap_seconds"):
            raise ValidationError(_NO_OVERLAP, "instead")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayBody:
    since: datetime | None = None


class ReplaySchema(StrictSchema):
    shape = ReplayBody
    since = Timestamp(
        allow_none=True,
        metadata={"description": "only what was held at this time or later; left out: all"},
    )


class ReplayedSchema(StrictSchema):
    id = fields.String(required=True)
    replayed = fields.Integer(required=True, metadata={"description": "deliveries that are on their way now"})
    held = fields.Integer(required=True, metadata={"description": "deliveries that are still held"})


class EmptyBodySchema(StrictSchema):
    """A body without members, or none."""


class NotificationChannelSchema(StrictSchema):
    id = fields.String(required=True)
    kind = fields.Enum(Kind, by_value=True, required=True)
    name = fields.String(required=True)
    url = fields.String()
    address = fields.String()
    events = fields.List(fields.String(), required=True)
    previous_secret_until = fields.AwareDateTime(required=True, allow_none=True)
    disabled_at = fields.AwareDateTime(required=True, allow_none=True)
    disabled_reason = fields.String(required=True, allow_none=True)
    held = fields.Integer(
        required=True, metadata={"description": "deliveries held while it is disabled; POST …/replay sends them"}
    )
    revision = fields.Integer(required=True)
    created_at = fields.AwareDateTime(required=True)


class EditNotificationChannelSchema(_ChannelBodySchema, MergePatchSchema):
    shape = EditChannelBody
    disabled = StrictBoolean()

    class Meta(StrictSchema.Meta):
        include = read_only(
            NotificationChannelSchema,
            are_fixed=("id", "kind", "created_at"),
            are_moving=("previous_secret_until", "disabled_at", "disabled_reason", "held", "revision"),
        )


class NotificationChannelWithSecretSchema(NotificationChannelSchema):
    secret = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "the secret that signatures are verified with, shown only once; null for email"},
    )


class NotificationChannelListSchema(StrictSchema):
    data = fields.List(fields.Nested(NotificationChannelSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryQuery(PageQuery):
    channel_id: str | None = None
    status: str | None = None


class DeliveryQuerySchema(PageQuerySchema):
    shape = DeliveryQuery
    channel_id = fields.String(validate=validate.Length(min=1, max=32))
    status = fields.String(validate=validate.OneOf(tuple(Status)))


class AttemptSchema(StrictSchema):
    number = fields.Integer(required=True)
    at = fields.AwareDateTime(required=True)
    duration_ms = fields.Integer(required=True)
    status = fields.Integer(
        required=True, allow_none=True, metadata={"description": "the status that the receiver answered with"}
    )
    fault = fields.String(
        required=True, allow_none=True, metadata={"description": "why the message does not count as received"}
    )


class DeliverySchema(StrictSchema):
    id = fields.String(required=True)
    channel_id = fields.String(required=True)
    webhook_id = fields.String(
        required=True, metadata={"description": "the id of the message, the same however often it is sent"}
    )
    type = fields.String(required=True)
    key_id = fields.String(required=True, allow_none=True)
    status = fields.Enum(Status, by_value=True, required=True)
    attempts = fields.List(fields.Nested(AttemptSchema), required=True)
    last_answer = fields.Nested(AttemptSchema, required=True, allow_none=True)
    next_attempt_at = fields.AwareDateTime(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)
    payload = fields.Dict(required=True)


class DeliveryListSchema(StrictSchema):
    data = fields.List(fields.Nested(DeliverySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
