"""Members of a key in the API: how each is given, where it is shown, and what null makes of it. The one place for that.

The schemas of bodies and of answers, and the merging of PATCH, are made from this table; RPC answers a whole KeyView.
"""

from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields, validate
from msgspec import UNSET

from services.keys.lifecycle.key import Status
from shared.values.ip_addresses import network
from shared.web.merge_patch.read_only import fixed, moving
from shared.web.operation import StrictSchema
from shared.web.requests.permission_field import SPELLINGS, PermissionField
from shared.web.requests.strict_boolean import StrictBoolean
from shared.web.requests.texts import LABEL_NAME, not_blank, plain_text, prose
from shared.web.requests.timestamp import Timestamp
from shared.web.schemas.refusals import refuses
from shared.web.schemas.whole_number import WholeNumber

ADDRESSES_MAX = 50
LABELS_MAX = 10
NETWORKS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """`shown`: in answers; `is_listed`: in lists, too. `wanted`: in bodies; None: callers do not set it.

    `absent`: what null clears it to; UNSET: null is refused. `is_fixed`: a body may name it only as it is.
    """

    shown: fields.Field[Any]
    is_listed: bool = False
    wanted: fields.Field[Any] | None = None
    absent: Any = UNSET
    is_fixed: bool = False


_INTERFACE = "must not name a network interface (the part after %)"
_NO_ADDRESS = "not an IP address or network"


@refuses(_INTERFACE, _NO_ADDRESS)
def _network(text: str) -> None:
    if "%" in text:
        raise ValidationError(_INTERFACE)
    try:
        network(text)
    except ValueError as error:
        raise ValidationError(f"{_NO_ADDRESS}: {error}") from None


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


_BOUND = {"refusals": ["must not exceed the tier's limit"]}


class LimitsSchema(StrictSchema):
    minute = WholeNumber(allow_none=True, validate=validate.Range(min=1, max=1_000_000), metadata=_BOUND)
    day = WholeNumber(allow_none=True, validate=validate.Range(min=1, max=1_000_000_000), metadata=_BOUND)


class OwnLimitsSchema(StrictSchema):
    minute = fields.Integer(required=True, allow_none=True, metadata={"description": "null: the tier's"})
    day = fields.Integer(required=True, allow_none=True, metadata={"description": "null: the tier's"})


class LimitsInForceSchema(StrictSchema):
    minute = fields.Integer(required=True, allow_none=True)
    day = fields.Integer(required=True, allow_none=True, metadata={"description": "null: unlimited"})
    concurrent = fields.Integer(
        required=True, allow_none=True, metadata={"description": "requests at the same time; null: unlimited"}
    )


def _text(description: str = "", *, nullable: bool = False) -> fields.String:
    return fields.String(required=True, allow_none=nullable, metadata=_told(description))


def _moment(description: str = "", *, nullable: bool = True) -> fields.AwareDateTime:
    return fields.AwareDateTime(required=True, allow_none=nullable, metadata=_told(description))


def _told(description: str) -> dict[str, str]:
    return {"description": description} if description else {}


class PreviousSecretSchema(StrictSchema):
    hint = _text()
    grace_until = _moment("until when it works", nullable=False)
    last_used_at = _moment("since it was replaced; null: not since")


MEMBERS: dict[str, Member] = {
    "id": Member(shown=_text(), is_listed=True, is_fixed=True),
    "name": Member(
        shown=_text(),
        is_listed=True,
        wanted=fields.String(validate=[validate.Length(min=1, max=100), plain_text, not_blank]),
    ),
    "hint": Member(shown=_text("the secret's first 8 and last 4 characters"), is_listed=True, is_fixed=True),
    "labels": Member(
        shown=fields.Dict(keys=fields.String(), values=fields.String(), required=True),
        is_listed=True,
        wanted=_Labels(
            keys=fields.String(validate=validate.Regexp(LABEL_NAME)),
            values=fields.String(allow_none=True, validate=[validate.Length(max=100), plain_text]),
            allow_none=True,
            validate=validate.Length(max=LABELS_MAX),
            metadata={"description": "null for a label takes it away", "refusals": ["a key has at most"]},
        ),
        absent={},
    ),
    "permissions": Member(
        shown=fields.List(fields.String(), required=True),
        is_listed=True,
        wanted=fields.List(PermissionField(), validate=validate.Length(min=1, max=len(SPELLINGS))),
    ),
    "status": Member(shown=fields.Enum(Status, by_value=True, required=True), is_listed=True),
    "created_at": Member(shown=_moment(nullable=False), is_listed=True, is_fixed=True),
    "last_used_at": Member(shown=_moment(), is_listed=True),
    "expires_at": Member(
        shown=_moment(),
        is_listed=True,
        wanted=Timestamp(
            allow_none=True,
            metadata={
                "description": "null: never. Left out for a new key: as the organisation sets",
                "refusals": ["must be in the future, at most ten years ahead", "the organisation's keys live at most"],
            },
        ),
        absent=None,
    ),
    "allow_query": Member(
        shown=fields.Boolean(required=True),
        is_listed=True,
        wanted=StrictBoolean(metadata={"description": "by default true, and false for an admin key"}),
    ),
    "warnings": Member(shown=fields.List(fields.String(), required=True), is_listed=True),
    "revision": Member(shown=fields.Integer(required=True)),
    "description": Member(
        shown=_text(), wanted=fields.String(allow_none=True, validate=[validate.Length(max=1000), prose]), absent=""
    ),
    "created_by": Member(shown=_text(), is_fixed=True),
    "tier": Member(shown=_text(nullable=True)),
    "limits": Member(
        shown=fields.Nested(OwnLimitsSchema, required=True, metadata={"description": "the key's own"}),
        wanted=fields.Nested(LimitsSchema, allow_none=True, metadata={"description": "null: the tier's"}),
        absent={},
    ),
    "effective_limits": Member(
        shown=fields.Nested(LimitsInForceSchema, required=True, metadata={"description": "those in force"})
    ),
    "allowed_addresses": Member(
        shown=fields.List(fields.String(), required=True),
        wanted=fields.List(
            fields.String(validate=_network), allow_none=True, validate=validate.Length(max=ADDRESSES_MAX)
        ),
        absent=(),
    ),
    "networks": Member(
        shown=fields.List(
            fields.String(),
            required=True,
            allow_none=True,
            metadata={"description": "ids of those whose sensors and events it opens; null: of all"},
        ),
        is_listed=True,
        wanted=fields.List(
            fields.String(validate=[validate.Length(min=1, max=32), plain_text]),
            allow_none=True,
            validate=validate.Length(min=1, max=NETWORKS_MAX),
            metadata={
                "description": "null: all. One that is deleted opens nothing. More than before need `regenerate`",
                "refusals": ["an admin key opens all networks", "no such network"],
            },
        ),
        absent=None,
    ),
    "rotated_at": Member(shown=_moment()),
    "grace_until": Member(shown=_moment("until when the previous secret works")),
    "previous_secret": Member(
        shown=fields.Nested(
            PreviousSecretSchema,
            required=True,
            allow_none=True,
            metadata={"description": "the secret before the newest; null: no grace runs"},
        )
    ),
    "suspended_at": Member(shown=_moment()),
    "expired_at": Member(shown=_moment("since when it has been expired")),
    "revoked_at": Member(shown=_moment()),
    "revocation_reason": Member(shown=_text(nullable=True)),
    "revocation_note": Member(shown=_text(nullable=True)),
    "last_used_address": Member(shown=_text(nullable=True)),
    "last_used_route": Member(shown=_text(nullable=True)),
}
SHOWN = {name: member.shown for name, member in MEMBERS.items()}
LISTED = {name: member.shown for name, member in MEMBERS.items() if member.is_listed}
WANTED = {name: member.wanted for name, member in MEMBERS.items() if member.wanted is not None}
READ_ONLY = {
    name: fixed(member.shown) if member.is_fixed else moving()
    for name, member in MEMBERS.items()
    if member.wanted is None
}
NEEDED = tuple(name for name in WANTED if MEMBERS[name].absent is UNSET and name != "allow_query")


def cleared(document: dict[str, Any]) -> dict[str, Any]:
    """The settings of a merged document, those that are absent as what null makes of them."""
    return {name: document.get(name, MEMBERS[name].absent) for name in WANTED}
