"""RPC schemas of the keys service: arguments, and answers."""

import dataclasses
from datetime import datetime
from typing import Any, ClassVar

from marshmallow import Schema, fields, post_load, pre_dump, validate

from services.keys.commands.command_inputs import Revocation
from services.keys.lifecycle.key import Reason, Status
from services.keys.revocation.propagation import Receipt
from services.keys.views.history import HistoryRange
from services.keys.views.queries import KeyView
from shared.contracts.schema_fields import Moment, identifier, text_like
from shared.eventsourcing.event_store import Head
from shared.replication.feed import EPOCH, FOLLOWER, GATE_ID, HASH, HEAD_TEXT, POSITION_MAX, Acknowledgement
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.receipt_proof import form
from shared.replication.proof.signed_heads import SignedHead
from shared.replication.proof.signed_pages import NONCE

HISTORY_MAX = 1001


class KeyArguments(Schema):
    organisation_id = identifier()
    key_id = identifier()


def _wire(type_: Any) -> fields.Field[Any]:
    if type_ in (datetime, datetime | None):
        return Moment()
    if type_ is Status:
        return fields.Enum(Status, by_value=True)
    is_list = type_ in (tuple[str, ...], tuple[str, ...] | None)
    return fields.List(fields.String()) if is_list else fields.Raw()


class KeyAnswer(Schema):
    """All of a key's view, with each field that it has."""

    class Meta:
        include: ClassVar = {field.name: _wire(field.type) for field in dataclasses.fields(KeyView)}


class HistoryRangeArgument(Schema):
    newest = fields.Integer(strict=True, validate=validate.Range(min=1, max=HISTORY_MAX))
    start = Moment()
    end = Moment()
    end_revision = fields.Integer(strict=True, validate=validate.Range(min=0))
    request_id = fields.String(validate=validate.Length(min=1, max=100))

    @post_load
    def _as_range(self, data: dict[str, Any], **_: object) -> HistoryRange:
        return HistoryRange(**data)


class HistoryArguments(KeyArguments):
    where = fields.Nested(HistoryRangeArgument)


class HistoryEntryAnswer(Schema):
    revision = fields.Integer()
    type = fields.String()
    at = Moment()
    actor = fields.String()
    on_behalf_of = fields.String()
    request_id = fields.String()
    facts = fields.Dict()


class ChangeArguments(KeyArguments):
    actor = fields.String(required=True, validate=validate.Length(min=1, max=64))


class RevokeArguments(ChangeArguments):
    reason = fields.Enum(Reason, by_value=True)
    note = fields.String(allow_none=True, validate=validate.Length(max=1000))
    also_made = fields.Boolean(truthy={True}, falsy={False})
    made_since = Moment(allow_none=True)


class ReceiptAnswer(Schema):
    """The receipt as HTTP's answers have it."""

    position = fields.Integer()
    propagated = fields.Boolean()
    elapsed_ms = fields.Integer()
    gates = fields.List(fields.Dict())
    proof = fields.Dict(allow_none=True)

    @pre_dump
    def _shown(self, receipt: Any, **_: object) -> Any:
        return form(receipt.shown()) if isinstance(receipt, Receipt) else receipt


class RevocationAnswer(ReceiptAnswer):
    """The receipt, and what the key made."""

    made = fields.List(fields.String())
    renewed = fields.List(fields.String())
    made_complete = fields.Boolean()

    @pre_dump
    def _flat(self, revocation: Any, **_: object) -> Any:
        if not isinstance(revocation, Revocation):
            return revocation
        made = revocation.made
        told = {"made": made.ids, "renewed": made.renewed, "made_complete": made.is_complete}
        return form(revocation.receipt.shown()) | told


_POSITION = validate.Range(min=0, max=POSITION_MAX)


class PlaceArgument(Schema):
    epoch = text_like(EPOCH)
    position = fields.Integer(required=True, strict=True, validate=_POSITION)
    hash = text_like(HASH)

    @post_load
    def _as_place(self, data: dict[str, object], **_: object) -> Head:
        return Head(**data)  # type: ignore[arg-type]  # the fields above


class AcknowledgementArgument(Schema):
    gate = text_like(GATE_ID)
    position = fields.Integer(required=True, strict=True, validate=_POSITION)

    @post_load
    def _as_acknowledgement(self, data: dict[str, object], **_: object) -> Acknowledgement:
        return Acknowledgement(**data)  # type: ignore[arg-type]  # the fields above


class SignedHeadArgument(Schema):
    epoch = text_like(EPOCH)
    position = fields.Integer(required=True, strict=True, validate=_POSITION)
    hash = text_like(HASH)
    signed_at = text_like(HEAD_TEXT)
    signer = text_like(HEAD_TEXT)
    signature = text_like(HEAD_TEXT)

    @post_load
    def _as_head(self, data: dict[str, object], **_: object) -> SignedHead:
        return SignedHead(**data)  # type: ignore[arg-type]  # the fields above


class HeldHeadArgument(Schema):
    follower = text_like(FOLLOWER)
    head = fields.Nested(SignedHeadArgument, required=True, allow_none=True)
    lost = text_like(HEAD_TEXT, required=False, allow_none=True)

    @post_load
    def _as_held(self, data: dict[str, object], **_: object) -> HeldHead:
        return HeldHead(**data)  # type: ignore[arg-type]  # the fields above


class PullArguments(Schema):
    after = fields.Nested(PlaceArgument, allow_none=True)
    acknowledgement = fields.Nested(AcknowledgementArgument, allow_none=True)
    nonce = text_like(NONCE, required=False, allow_none=True)
    held = fields.Nested(HeldHeadArgument, allow_none=True)
