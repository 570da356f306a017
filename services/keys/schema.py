"""The bodies and queries of the management API: what is taken, strictly, and what is shown."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from services.keys.key import PERMISSIONS, Reason, Status
from services.keys.words import Words
from shared.addresses import network
from shared.redaction import redact
from shared.web.operation import StrictSchema

EXPIRY_SECONDS_MAX = 10 * 366 * 86_400
ADDRESSES_MAX = 50
LABELS_MAX = 10
_LABEL_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._/-]{0,62}\Z")

_LINE_BREAKS_AND_TABS = str.maketrans("", "", "\r\n\t")


def _plain_text(text: str) -> None:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValidationError("must hold no control characters")
    if redact(text) != text:
        raise ValidationError("must hold no API key")


def _prose(text: str) -> None:
    _plain_text(text.translate(_LINE_BREAKS_AND_TABS))


def _not_blank(text: str) -> None:
    if not text.strip():
        raise ValidationError("must not be blank")


def _network(text: str) -> None:
    if "%" in text:
        raise ValidationError("an interface's name means nothing here")
    try:
        network(text)
    except ValueError as error:
        raise ValidationError(f"not an IP address or network: {error}") from None


class _Flag(fields.Boolean):
    """true or false; marshmallow's own takes 1 for true, because it equals it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class _Labels(fields.Dict):
    """Says what is wrong under the label's own name; marshmallow's own puts `key` and `value` below it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]  # marshmallow's
        except ValidationError as error:
            if not isinstance(error.messages, dict):
                raise
            raise ValidationError(
                {name: [text for texts in found.values() for text in texts] for name, found in error.messages.items()}
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsBody:
    minute: int | None = None
    day: int | None = None


class LimitsSchema(StrictSchema):
    shape = LimitsBody
    minute = fields.Integer(strict=True, validate=validate.Range(min=1, max=1_000_000))
    day = fields.Integer(strict=True, validate=validate.Range(min=1, max=1_000_000_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateKeyBody:
    name: str
    permissions: tuple[str, ...]
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    expires_at: datetime | None = None
    expires_in: int | None = None
    allow_query: bool = True
    allowed_addresses: tuple[str, ...] = ()
    limits: LimitsBody = field(default_factory=LimitsBody)

    def words(self) -> Words:
        return Words(name=self.name.strip(), description=self.description, labels=self.labels)


class CreateKeySchema(StrictSchema):
    shape = CreateKeyBody
    name = fields.String(required=True, validate=[validate.Length(min=1, max=100), _plain_text, _not_blank])
    description = fields.String(validate=[validate.Length(max=1000), _prose])
    permissions = fields.List(
        fields.String(validate=validate.OneOf(PERMISSIONS)), required=True, validate=validate.Length(min=1, max=4)
    )
    labels = _Labels(
        keys=fields.String(validate=validate.Regexp(_LABEL_NAME)),
        values=fields.String(validate=[validate.Length(max=100), _plain_text]),
        validate=validate.Length(max=LABELS_MAX),
    )
    expires_at = fields.AwareDateTime(format="iso", allow_none=True)
    expires_in = fields.Integer(strict=True, validate=validate.Range(min=1, max=EXPIRY_SECONDS_MAX))
    allow_query = _Flag()
    allowed_addresses = fields.List(fields.String(validate=_network), validate=validate.Length(max=ADDRESSES_MAX))
    limits = fields.Nested(LimitsSchema)

    @validates_schema
    def _one_expiry(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("expires_at") is not None and "expires_in" in data:
            raise ValidationError("give expires_at or expires_in, not both", "expires_in")


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeKeyBody:
    reason: Reason = Reason.UNSPECIFIED
    note: str | None = None


class RevokeKeySchema(StrictSchema):
    shape = RevokeKeyBody
    reason = fields.Enum(Reason, by_value=True)
    note = fields.String(validate=[validate.Length(max=1000), _prose])


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    limit: int = 20
    cursor: str | None = None


class ListQuerySchema(StrictSchema):
    shape = ListQuery
    limit = fields.Integer(validate=validate.Range(min=1, max=100))
    cursor = fields.String(validate=validate.Length(min=1, max=500))


class GateReceiptSchema(StrictSchema):
    id = fields.String(required=True)
    applied_ms = fields.Integer()
    counted_out = fields.Boolean()


class ReceiptSchema(StrictSchema):
    position = fields.Integer(required=True)
    propagated = fields.Boolean(required=True)
    elapsed_ms = fields.Integer(required=True)
    gates = fields.List(fields.Nested(GateReceiptSchema), required=True)


class ListedKeySchema(StrictSchema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    hint = fields.String(required=True, metadata={"description": "the secret's first 8 and last 4 characters"})
    labels = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    permissions = fields.List(fields.String(), required=True)
    status = fields.Enum(Status, by_value=True, required=True)
    created_at = fields.AwareDateTime(required=True)
    last_used_at = fields.AwareDateTime(required=True, allow_none=True)
    expires_at = fields.AwareDateTime(required=True, allow_none=True)
    allow_query = fields.Boolean(required=True)
    warnings = fields.List(fields.String(), required=True)


class KeyListSchema(StrictSchema):
    data = fields.List(fields.Nested(ListedKeySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class KeySchema(ListedKeySchema):
    revision = fields.Integer(required=True)
    description = fields.String(required=True)
    created_by = fields.String(required=True)
    tier = fields.String(required=True, allow_none=True)
    limits = fields.Nested(LimitsSchema, required=True)
    allowed_addresses = fields.List(fields.String(), required=True)
    revoked_at = fields.AwareDateTime(required=True, allow_none=True)
    revocation_reason = fields.String(required=True, allow_none=True)


class CreatedKeySchema(KeySchema):
    key = fields.String(required=True, metadata={"description": "the secret; shown this once"})
    receipt = fields.Nested(ReceiptSchema, required=True)


class RevokedKeySchema(KeySchema):
    receipt = fields.Nested(ReceiptSchema, required=True)
