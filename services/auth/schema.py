"""Schemas of forward-auth: its query and its answer."""

from dataclasses import dataclass

from marshmallow import fields, validate

from services.auth.forwarded_request import PATH_CHARACTERS_MAX
from shared.web.operation import StrictSchema
from shared.web.requests.permission_field import PermissionField


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeQuery:
    permission: str
    route: str | None = None
    allow_query: bool = True


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


class AuthorizedSchema(StrictSchema):
    key_id = fields.String(required=True)
    organisation_id = fields.String(required=True)
    permissions = fields.List(fields.String(), required=True)
