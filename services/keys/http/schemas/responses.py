"""Answers of the management API: the schemas that its OpenAPI document shows."""

from marshmallow import fields

from services.keys.http.schemas.members import LISTED, SHOWN
from shared.web.operation import StrictSchema


class GateReceiptSchema(StrictSchema):
    id = fields.String(required=True)
    applied_ms = fields.Integer()
    counted_out = fields.Boolean()


class StoredRowSchema(StrictSchema):
    """`data` and `metadata`: the texts that `hash` covers."""

    position = fields.Integer(required=True)
    stream = fields.String(required=True)
    version = fields.Integer(required=True)
    type = fields.String(required=True)
    schema_version = fields.Integer(required=True)
    data = fields.String(required=True)
    metadata = fields.String(required=True)
    recorded_at = fields.AwareDateTime(required=True)
    hash = fields.String(required=True)


class ProofSchema(StrictSchema):
    epoch = fields.String(required=True, metadata={"description": "names the log"})
    previous = fields.String(
        required=True, allow_none=True, metadata={"description": "the hash before the first of `rows`"}
    )
    rows = fields.List(
        fields.Nested(StoredRowSchema), required=True, metadata={"description": "the change's own events, as stored"}
    )
    hash = fields.String(required=True)
    signed_at = fields.AwareDateTime(required=True)
    signer = fields.String(
        required=True, metadata={"description": "which of the keys at /.well-known/grillo-keys signed it"}
    )
    signature = fields.String(
        required=True, metadata={"description": "Ed25519, of the receipt without this member in the form of RFC 8785"}
    )


class ReceiptSchema(StrictSchema):
    position = fields.Integer(required=True)
    propagated = fields.Boolean(required=True)
    elapsed_ms = fields.Integer(required=True)
    gates = fields.List(fields.Nested(GateReceiptSchema), required=True)
    proof = fields.Nested(
        ProofSchema,
        required=True,
        allow_none=True,
        metadata={"description": "what `grillo audit receipt` verifies offline; null where nothing is signed"},
    )


class ListedKeySchema(StrictSchema):
    class Meta(StrictSchema.Meta):
        include = LISTED


class KeyListSchema(StrictSchema):
    data = fields.List(fields.Nested(ListedKeySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class KeySchema(StrictSchema):
    class Meta(StrictSchema.Meta):
        include = SHOWN


class NewKeySchema(KeySchema):
    key = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "the secret, shown only once; null when an earlier request is repeated"},
    )


class CreatedKeySchema(NewKeySchema):
    receipt = fields.Nested(ReceiptSchema, required=True)


class CreatedKeysSchema(StrictSchema):
    data = fields.List(
        fields.Nested(NewKeySchema),
        required=True,
        metadata={"description": "in the order of the request; repeated, those that have not been deleted since"},
    )
    receipt = fields.Nested(ReceiptSchema, required=True)


class ImportedKeysSchema(StrictSchema):
    data = fields.List(
        fields.Nested(KeySchema),
        required=True,
        metadata={"description": "in the order of the request; repeated, those that have not been deleted since"},
    )
    receipt = fields.Nested(ReceiptSchema, required=True)


class EditedKeySchema(KeySchema):
    key = fields.String(
        allow_none=True,
        metadata={
            "description": "the new secret, shown only once; absent when none was made, null when an earlier request is"
            " repeated"
        },
    )
    receipt = fields.Nested(
        ReceiptSchema,
        required=True,
        allow_none=True,
        metadata={"description": "null when only the name, description or labels changed"},
    )


class RotatedKeySchema(KeySchema):
    key = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "the new secret, shown only once; null when an earlier request is repeated"},
    )
    receipt = fields.Nested(ReceiptSchema, required=True)


class ChangedKeySchema(KeySchema):
    receipt = fields.Nested(ReceiptSchema, required=True)


class MadeSchema(StrictSchema):
    made = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "ids of the keys that it made or renewed since `made_since`, and of those by these"},
    )
    renewed = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "those of `made` that others made, and that are not revoked: rotate them"},
    )
    made_complete = fields.Boolean(
        required=True, metadata={"description": "false: there are more than these; revoke them, then ask again"}
    )


class RevokedKeySchema(ChangedKeySchema, MadeSchema):
    pass


class EndedKeySchema(ListedKeySchema):
    is_caller = fields.Boolean(required=True, metadata={"description": "whether it is the calling key itself"})


class RevokedKeysSchema(MadeSchema):
    data = fields.List(fields.Nested(EndedKeySchema), required=True)
    dry_run = fields.Boolean(required=True)
    receipt = fields.Nested(ReceiptSchema, required=True, allow_none=True)


class DeletedKeySchema(StrictSchema):
    id = fields.String(required=True)
    deleted_at = fields.AwareDateTime(required=True)
    receipt = fields.Nested(ReceiptSchema, required=True)
