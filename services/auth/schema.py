"""Schemas of forward-auth and of the verification of keys: what they take and answer."""

from dataclasses import dataclass, field
from typing import Any

from marshmallow import fields, validate

from services.auth.forwarded_request import PATH_CHARACTERS_MAX
from shared.gate.verdict import Refusal
from shared.web.operation import StrictSchema
from shared.web.requests.permission_field import PermissionField
from shared.web.requests.strict_boolean import StrictBoolean
from shared.web.requests.texts import plain_text


def _network(description: str, **options: Any) -> fields.String:
    return fields.String(
        validate=[validate.Length(min=1, max=32), plain_text], metadata={"description": description}, **options
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeQuery:
    permission: str
    route: str | None = None
    allow_query: bool = True
    network_id: str | None = None


class AuthorizeQuerySchema(StrictSchema):
    shape = AuthorizeQuery
    permission = PermissionField(required=True)
    route = fields.String(
        validate=validate.Regexp(
            rf"/[!-~]{{0,{PATH_CHARACTERS_MAX - 1}}}\Z",
            error=f"must start with / and have at most {PATH_CHARACTERS_MAX} printable ASCII characters",
        ),
        metadata={"description": "the name under which usage counts these requests; by default the forwarded path"},
    )
    allow_query = fields.Boolean(
        metadata={"description": "`false` for a proxy that cannot remove `api_key` from the requests it passes on"}
    )
    network_id = _network("the network that the request is about, which the key must open; one in its query, too")


class AuthorizedSchema(StrictSchema):
    key_id = fields.String(required=True)
    organisation_id = fields.String(required=True)
    permissions = fields.List(fields.String(), required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyKeyBody:
    key: str = field(repr=False)
    permission: str | None = None
    network_id: str | None = None
    charge: bool = False


class VerifyKeySchema(StrictSchema):
    shape = VerifyKeyBody
    key = fields.String(
        required=True, validate=validate.Length(max=1000), metadata={"description": "the secret that was presented"}
    )
    permission = PermissionField(allow_none=True, metadata={"description": "what it is to permit; null: anything"})
    network_id = _network("a network that the key must open; null: none in particular", allow_none=True)
    charge = StrictBoolean(
        metadata={"description": "true: a valid key's limits are charged, and the verdict counts as its request"}
    )


class EffectiveLimitsSchema(StrictSchema):
    minute = fields.Integer(required=True)
    day = fields.Integer(required=True, allow_none=True, metadata={"description": "null: unlimited"})
    concurrent = fields.Integer(
        required=True, allow_none=True, metadata={"description": "at the same time; null: unlimited"}
    )


class VerifiedKeySchema(StrictSchema):
    valid = fields.Boolean(required=True)
    problem = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf([*(refusal.value for refusal in Refusal), None]),
        metadata={"description": "why it is not valid: the name of the problem that a request with it would get"},
    )
    key_id = fields.String(required=True, allow_none=True)
    organisation = fields.String(required=True, allow_none=True)
    permissions = fields.List(fields.String(), required=True)
    networks = fields.List(
        fields.String(),
        required=True,
        allow_none=True,
        metadata={"description": "ids of those whose sensors and events it opens; null: of all"},
    )
    effective_limits = fields.Nested(EffectiveLimitsSchema, required=True, allow_none=True)
