"""Request bodies of the management API: their shapes, and the strict schemas that validate them.

Queries are in request_queries.py, answers in responses.py.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validate, validates_schema
from msgspec import UNSET, UnsetType

from services.keys.encryption.description import Description
from services.keys.lifecycle.key import Reason
from shared.observability.redaction import redact
from shared.values.ip_addresses import network
from shared.web.operation import StrictSchema
from shared.web.requests.permission_field import SPELLINGS, PermissionField
from shared.web.requests.strict_boolean import StrictBoolean
from shared.web.requests.timestamp import Timestamp

EXPIRY_SECONDS_MAX = 10 * 366 * 86_400
ADDRESSES_MAX = 50
LABELS_MAX = 10
IDS_MAX = 1000
GRACE_SECONDS_MAX = 30 * 86_400
_LABEL_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._/-]{0,62}\Z")

_LINE_BREAKS_AND_TABS = str.maketrans("", "", "\r\n\t")


def plain_text(text: str) -> None:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValidationError("must not contain control characters")
    if redact(text) != text:
        raise ValidationError("must not contain an API key")


def _prose(text: str) -> None:
    plain_text(text.translate(_LINE_BREAKS_AND_TABS))


def label_of(text: str) -> tuple[str, str]:
    """`env:prod` → (env, prod)."""
    name, _, value = text.partition(":")
    return name, value


def check_label(text: str) -> None:
    name, value = label_of(text)
    plain_text(value)
    if not _LABEL_NAME.match(name) or ":" not in text or len(value) > 100:
        raise ValidationError("must be a label as name:value, such as env:prod")


def _not_blank(text: str) -> None:
    if not text.strip():
        raise ValidationError("must not be blank")


def _network(text: str) -> None:
    if "%" in text:
        raise ValidationError("must not name a network interface (the part after %)")
    try:
        network(text)
    except ValueError as error:
        raise ValidationError(f"not an IP address or network: {error}") from None


class _Labels(fields.Dict):
    """Reports errors under the label's name; marshmallow's own field nests `key` and `value` below it."""

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


def _one_expiry(data: dict[str, Any]) -> None:
    if data.get("expires_at") is not None and "expires_in" in data:
        raise ValidationError("give expires_at or expires_in, not both", "expires_in")


class _ConfigurationSchema(StrictSchema):
    """The settings of a key that may be given at creation and changed later."""

    name = fields.String(validate=[validate.Length(min=1, max=100), plain_text, _not_blank])
    description = fields.String(validate=[validate.Length(max=1000), _prose])
    permissions = fields.List(PermissionField(), validate=validate.Length(min=1, max=len(SPELLINGS)))
    labels = _Labels(
        keys=fields.String(validate=validate.Regexp(_LABEL_NAME)),
        values=fields.String(validate=[validate.Length(max=100), plain_text]),
        validate=validate.Length(max=LABELS_MAX),
    )
    expires_at = Timestamp(allow_none=True)
    expires_in = fields.Integer(strict=True, validate=validate.Range(min=1, max=EXPIRY_SECONDS_MAX))
    allow_query = StrictBoolean()
    allowed_addresses = fields.List(fields.String(validate=_network), validate=validate.Length(max=ADDRESSES_MAX))
    limits = fields.Nested(LimitsSchema)

    @validates_schema
    def _check_expiry(self, data: dict[str, Any], **_: Any) -> None:
        _one_expiry(data)


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

    def as_description(self) -> Description:
        return Description(name=self.name.strip(), description=self.description, labels=self.labels)


class CreateKeySchema(_ConfigurationSchema):
    shape = CreateKeyBody
    name = fields.String(required=True, validate=[validate.Length(min=1, max=100), plain_text, _not_blank])
    permissions = fields.List(PermissionField(), required=True, validate=validate.Length(min=1, max=len(SPELLINGS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class EditKeyBody:
    """UNSET: stays as it is. Labels, addresses and limits are replaced whole; `expires_at` None: never expires."""

    name: str | UnsetType = UNSET
    permissions: tuple[str, ...] | UnsetType = UNSET
    description: str | UnsetType = UNSET
    labels: dict[str, str] | UnsetType = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    expires_in: int | None = None
    allow_query: bool | UnsetType = UNSET
    allowed_addresses: tuple[str, ...] | UnsetType = UNSET
    limits: LimitsBody | UnsetType = UNSET
    regenerate: bool = False


class EditKeySchema(_ConfigurationSchema):
    shape = EditKeyBody
    regenerate = StrictBoolean(
        metadata={"description": "make a new secret and end all older ones; required to add permissions"}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateKeyBody:
    grace_seconds: int = 0


class RotateKeySchema(StrictSchema):
    shape = RotateKeyBody
    grace_seconds = fields.Integer(
        strict=True,
        validate=validate.Range(min=0, max=GRACE_SECONDS_MAX),
        metadata={"description": "for how many seconds the old secret still works; at most until the key expires"},
    )


class NothingSchema(StrictSchema):
    """A body without members, or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUpBody:
    reason: Reason = Reason.UNSPECIFIED
    note: str | None = None


class GiveUpSchema(StrictSchema):
    shape: ClassVar[type] = GiveUpBody
    reason = fields.Enum(Reason, by_value=True)
    note = fields.String(validate=[validate.Length(max=1000), _prose])


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeKeyBody(GiveUpBody):
    also_made: bool = False
    made_since: datetime | None = None


class RevokeKeySchema(GiveUpSchema):
    shape = RevokeKeyBody
    also_made = StrictBoolean(
        metadata={"description": "revoke also the keys that it made since `made_since`, and those that these made"}
    )
    made_since = Timestamp(metadata={"description": "by default a day before now"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeKeysBody(RevokeKeyBody):
    """Exactly one of `label`, `created_before` and `ids` is given."""

    label: str | None = None
    created_before: datetime | None = None
    ids: tuple[str, ...] | None = None
    dry_run: bool = False


class RevokeKeysSchema(RevokeKeySchema):
    shape = RevokeKeysBody
    label = fields.String(validate=check_label, metadata={"description": "such as env:prod"})
    created_before = Timestamp()
    ids = fields.List(
        fields.String(validate=[validate.Length(max=32), plain_text]), validate=validate.Length(min=1, max=IDS_MAX)
    )
    dry_run = StrictBoolean(metadata={"description": "list the keys that would be revoked, and revoke none"})

    @validates_schema
    def _one_choice(self, data: dict[str, Any], **_: Any) -> None:
        if sum(name in data for name in ("label", "created_before", "ids")) != 1:
            raise ValidationError("give exactly one of label, created_before and ids")


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOrganisationBody:
    unused_expiry_days: int | UnsetType | None = UNSET


class EditOrganisationSchema(StrictSchema):
    shape = EditOrganisationBody
    unused_expiry_days = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(min=7, max=365),
        metadata={"description": "keys unused for this many days expire; null: unused keys do not expire"},
    )
