"""Request bodies of the management API: their shapes, and the strict schemas that validate them.

Queries are in request_queries.py, answers in responses.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from services.keys.http.schemas.members import NEEDED, READ_ONLY, WANTED
from services.keys.lifecycle.key import Reason
from shared.web.merge_patch.read_only import parted
from shared.web.operation import StrictSchema
from shared.web.requests.strict_boolean import StrictBoolean
from shared.web.requests.texts import check_label, plain_text, prose
from shared.web.requests.timestamp import Timestamp
from shared.web.schemas.whole_number import WholeNumber

EXPIRY_SECONDS_MAX = 10 * 366 * 86_400
IDS_MAX = 1000
BATCH_KEYS_MAX = 100
IMPORTED_KEYS_MAX = 1000
GRACE_SECONDS_MAX = 30 * 86_400
_DIGEST, _NO_DIGEST = re.compile(r"[0-9a-f]{64}\Z", re.ASCII), "must be 64 hexadecimal digits, in lower case"
_ONE_EXPIRY = "give expires_at or expires_in, not both"
_NO_GRACE = "the secret that is replaced gets no grace: leave grace_seconds out"
_ONE_CHOICE = "give exactly one of label, created_before and ids"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBody:
    """A JSON merge patch (RFC 7396) of a key, validated: what is not in `given` stays as it is.

    `given`: members of the key, and `expires_in`; for a new key, merged with what it has by default. `fixed`: those
    that never change, as the caller has them.
    """

    given: Mapping[str, Any]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    regenerate: bool = False


class _KeySchema(StrictSchema):
    class Meta(StrictSchema.Meta):
        include = WANTED

    expires_in = WholeNumber(
        validate=validate.Range(min=1, max=EXPIRY_SECONDS_MAX),
        metadata={"description": "seconds from now, in place of expires_at", "refusals": [_ONE_EXPIRY]},
    )

    @validates_schema
    def _check_expiry(self, data: dict[str, Any], **_: Any) -> None:
        if "expires_at" in data and "expires_in" in data:
            raise ValidationError(_ONE_EXPIRY, "expires_in")

    @post_load
    def _into_shape(self, data: Mapping[str, Any], **_: Any) -> KeyBody:
        given, fixed = parted(self, data)
        return KeyBody(regenerate=given.pop("regenerate", False), given=given, fixed=fixed)


class CreateKeySchema(_KeySchema):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name in NEEDED:
            self.fields[name].required = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateKeysBody:
    keys: tuple[KeyBody, ...]


class CreateKeysSchema(StrictSchema):
    shape = CreateKeysBody
    keys = fields.List(
        fields.Nested(CreateKeySchema), required=True, validate=validate.Length(min=1, max=BATCH_KEYS_MAX)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedKeyBody(KeyBody):
    sha256: str


class ImportedKeySchema(CreateKeySchema):
    sha256 = fields.String(
        required=True,
        validate=validate.Regexp(_DIGEST, error=_NO_DIGEST),
        metadata={
            "description": "SHA-256 of the whole secret as its holder sends it, in hexadecimal",
            "refusals": ["a key has or had this secret: let the other system make a new one"],
        },
    )

    @post_load
    def _into_shape(self, data: Mapping[str, Any], **_: Any) -> ImportedKeyBody:
        given, fixed = parted(self, data)
        return ImportedKeyBody(sha256=given.pop("sha256"), given=given, fixed=fixed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportKeysBody:
    keys: tuple[ImportedKeyBody, ...]


class ImportKeysSchema(StrictSchema):
    shape = ImportKeysBody
    keys = fields.List(
        fields.Nested(ImportedKeySchema), required=True, validate=validate.Length(min=1, max=IMPORTED_KEYS_MAX)
    )


class EditKeySchema(_KeySchema):
    class Meta(_KeySchema.Meta):
        include = READ_ONLY

    regenerate = StrictBoolean(
        metadata={"description": "make a new secret and end all older ones; required to add permissions"}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateKeyBody:
    """`instead`: of the newest secret; then there is no grace to give."""

    grace_seconds: int = 0
    instead: bool = False


class RotateKeySchema(StrictSchema):
    shape = RotateKeyBody
    grace_seconds = WholeNumber(
        validate=validate.Range(min=0, max=GRACE_SECONDS_MAX),
        metadata={"description": "for how many seconds the old secret still works; at most until the key expires"},
    )
    instead = StrictBoolean(
        metadata={
            "description": "true: the new secret takes the place of the newest one, and the one before that keeps its"
            " grace; for who lost the answer with the newest. While no grace runs, a rotation without grace",
            "refusals": [_NO_GRACE],
        }
    )

    @validates_schema
    def _one_wish(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("instead") and data.get("grace_seconds"):
            raise ValidationError(_NO_GRACE, "instead")


class NothingSchema(StrictSchema):
    """A body without members, or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUpBody:
    reason: Reason = Reason.UNSPECIFIED
    note: str | None = None


class GiveUpSchema(StrictSchema):
    shape: ClassVar[type] = GiveUpBody
    reason = fields.Enum(Reason, by_value=True)
    note = fields.String(validate=[validate.Length(max=1000), prose])


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeKeyBody(GiveUpBody):
    also_made: bool = False
    made_since: datetime | None = None


class RevokeKeySchema(GiveUpSchema):
    shape = RevokeKeyBody
    also_made = StrictBoolean(
        metadata={"description": "revoke also the keys that it made since `made_since`, and those that these made"}
    )
    made_since = Timestamp(
        metadata={"description": "by default a day before now", "refusals": ["must not be in the future"]}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeKeysBody(RevokeKeyBody):
    """Exactly one of `label`, `created_before` and `ids` is given."""

    label: str | None = None
    created_before: datetime | None = None
    ids: tuple[str, ...] | None = None
    dry_run: bool = False


class RevokeKeysSchema(RevokeKeySchema):
    shape = RevokeKeysBody
    refusals = (_ONE_CHOICE,)
    label = fields.String(validate=check_label, metadata={"description": "such as env:prod"})
    created_before = Timestamp()
    ids = fields.List(
        fields.String(validate=[validate.Length(max=32), plain_text]),
        validate=validate.Length(min=1, max=IDS_MAX),
        metadata={"refusals": ["no such key"]},
    )
    dry_run = StrictBoolean(metadata={"description": "list the keys that would be revoked, and revoke none"})

    @validates_schema
    def _one_choice(self, data: dict[str, Any], **_: Any) -> None:
        if sum(name in data for name in ("label", "created_before", "ids")) != 1:
            raise ValidationError(_ONE_CHOICE)
