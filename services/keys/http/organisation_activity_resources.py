"""What happened to the caller's organisation and its keys: the HTTP door."""

from dataclasses import dataclass
from typing import Any

import msgspec
from marshmallow import fields, validate

from services.keys.views.organisation_history import OrganisationHistory, OrganisationHistoryEntry
from shared.web.operation import Answer, Call, StrictSchema, operation
from shared.web.problems.catalogue import Problem
from shared.web.requests import cursor
from shared.web.route import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    limit: int = 20
    cursor: str | None = None


class PageQuerySchema(StrictSchema):
    shape = PageQuery
    limit = fields.Integer(validate=validate.Range(min=1, max=100))
    cursor = fields.String(validate=validate.Length(min=1, max=1000))


class OrganisationHappeningSchema(StrictSchema):
    key_id = fields.String(
        required=True, allow_none=True, metadata={"description": "null: it happened to the organisation"}
    )
    hint = fields.String(required=True, allow_none=True, metadata={"description": "of the key's newest secret"})
    revision = fields.Integer(required=True)
    type = fields.String(required=True)
    at = fields.AwareDateTime(required=True)
    actor = fields.String(required=True)
    request_id = fields.String(required=True, allow_none=True)
    facts = fields.Dict(required=True)


class OrganisationActivitySchema(StrictSchema):
    data = fields.List(fields.Nested(OrganisationHappeningSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


def routes(history: OrganisationHistory) -> list[Route]:
    return [Route("/v1/organisation/activity", OrganisationActivity(history))]


class OrganisationActivity:
    def __init__(self, history: OrganisationHistory) -> None:
        self._history = history

    @operation(
        "What happened to the organisation's keys, also to those that are deleted",
        tag="Organisation",
        permission="admin",
        query=PageQuerySchema,
        answers=OrganisationActivitySchema,
    )
    def on_get(self, call: Call[PageQuery, None]) -> Answer:
        before = None if call.query.cursor is None else _position(call.query.cursor)
        page = self._history.page(call.caller.organisation_id, call.query.limit, before)
        next_cursor = None if page.next_before is None else cursor.encode(str(page.next_before))
        return Answer(body={"data": [_shown(entry) for entry in page.entries], "next_cursor": next_cursor})


def _shown(entry: OrganisationHistoryEntry) -> dict[str, Any]:
    happened: dict[str, Any] = msgspec.to_builtins(entry.entry)
    return {"key_id": entry.key_id, "hint": entry.hint} | happened


def _position(text: str) -> int:
    (position,) = cursor.decode(text, 1)
    if not (position.isascii() and position.isdecimal()):
        raise Problem("invalid-request", "cursor: use next_cursor of the page before, unchanged")
    return min(int(position), 2**63 - 1)
