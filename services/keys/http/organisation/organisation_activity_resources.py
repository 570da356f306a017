"""HTTP resource of the organisation's history: what happened to it and to its keys, newest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from marshmallow import fields, validate

from services.keys.events import types as event_types
from services.keys.views.organisation_history import HistoryFilter, OrganisationHistory, OrganisationHistoryEntry
from shared.web.operation import Answer, Call, StrictSchema, operation
from shared.web.pagination import PageQuery, PageQuerySchema, page_answer
from shared.web.requests.timestamp import Timestamp
from shared.web.route import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationActivityQuery(PageQuery):
    """`from_` is `from` in the query."""

    type: tuple[str, ...] = ()
    from_: datetime | None = None
    to: datetime | None = None

    def wanted(self) -> HistoryFilter:
        return HistoryFilter(types=self.type, start=self.from_, end=self.to)


class OrganisationActivityQuerySchema(PageQuerySchema):
    shape = OrganisationActivityQuery
    type = fields.List(
        fields.String(validate=validate.OneOf(event_types.names())),
        validate=validate.Length(max=50),
        metadata={"description": "such as KeyRevoked; given several times: any of them"},
    )
    from_ = Timestamp(data_key="from")
    to = Timestamp()


class OrganisationHappeningSchema(StrictSchema):
    key_id = fields.String(
        required=True, allow_none=True, metadata={"description": "null: the event is of the organisation itself"}
    )
    hint = fields.String(required=True, allow_none=True, metadata={"description": "hint of the key's newest secret"})
    revision = fields.Integer(required=True)
    type = fields.String(required=True)
    at = fields.AwareDateTime(required=True)
    actor = fields.String(required=True)
    on_behalf_of = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "whom the account of another back end says it asks for"},
    )
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
        "List what happened to the organisation and its keys, deleted ones included",
        tag="Organisation",
        permission="admin",
        query=OrganisationActivityQuerySchema,
        answers=OrganisationActivitySchema,
    )
    def on_get(self, call: Call[OrganisationActivityQuery, None]) -> Answer:
        query = call.query
        page = self._history.page(call.caller.organisation_id, query.limit, query.after(int), query.wanted())
        return page_answer(map(_shown, page.entries), page.next_place, query)


def _shown(entry: OrganisationHistoryEntry) -> dict[str, Any]:
    happened: dict[str, Any] = msgspec.to_builtins(entry.entry)
    return {"key_id": entry.key_id, "hint": entry.hint} | happened
