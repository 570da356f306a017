"""RPC schemas of the auth service: arguments, and answers."""

from marshmallow import Schema, fields, validate

from shared.contracts.schema_fields import identifier


class VerifyArguments(Schema):
    digest = fields.String(
        required=True,
        validate=validate.Regexp(r"[0-9a-f]{64}\Z", error="must be a SHA-256 digest: 64 lower-case hexadecimal digits"),
    )
    permission = fields.String(allow_none=True, validate=validate.Length(min=1, max=100))
    address = fields.String(allow_none=True, validate=validate.Length(min=1, max=45))
    network_id = fields.String(allow_none=True, validate=validate.Length(min=1, max=32))


class VerifyKeyArguments(Schema):
    organisation_id = identifier()
    key_id = identifier()
    permission = fields.String(required=True, validate=validate.Length(min=1, max=100))


class VerificationAnswer(Schema):
    valid = fields.Boolean()
    problem = fields.String()
    key_id = fields.String()
    organisation_id = fields.String()
    permissions = fields.List(fields.String())
    networks = fields.List(fields.String(), allow_none=True)
