"""Marshmallow schemas of a key's activity: the query and the answer."""

from dataclasses import dataclass
from datetime import datetime

from marshmallow import fields, validate

from services.usage.activity.status_condition import STATUS, status_range
from services.usage.activity.timeline import ActivityFilter
from shared.web.operation import StrictSchema
from shared.web.pagination import PageQuery, PageQuerySchema
from shared.web.requests.timestamp import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityQuery(PageQuery):
    """`from_` is `from` in the query."""

    status: str | None = None
    route: str | None = None
    address: str | None = None
    request_id: str | None = None
    secret_hint: str | None = None
    from_: datetime | None = None
    to: datetime | None = None

    def wanted(self) -> ActivityFilter:
        return ActivityFilter(
            statuses=None if self.status is None else status_range(self.status),
            route=self.route,
            address=self.address,
            request_id=self.request_id,
            secret_hint=self.secret_hint,
            start=self.from_,
            end=self.to,
        )


class ActivityQuerySchema(PageQuerySchema):
    shape = ActivityQuery
    status = fields.String(
        validate=validate.Regexp(STATUS.pattern + "$", error="must be a status such as 429, or a class such as 4xx"),
        metadata={"description": "a status, such as 429, or a class, such as 4xx"},
    )
    route = fields.String(validate=validate.Length(min=1, max=100), metadata={"description": "such as /v1/sensors"})
    address = fields.String(
        validate=validate.Length(min=1, max=45), metadata={"description": "the caller's IP address"}
    )
    request_id = fields.String(
        validate=validate.Length(min=1, max=100), metadata={"description": "the X-Request-Id of an answer"}
    )
    secret_hint = fields.String(
        validate=validate.Length(min=1, max=16),
        metadata={"description": "requests with the secret of this hint, which is dead or was not the newest"},
    )
    from_ = Timestamp(data_key="from")
    to = Timestamp()


class RequestSchema(StrictSchema):
    method = fields.String(required=True)
    route = fields.String(required=True)
    status = fields.Integer(required=True)
    problem = fields.String(
        required=True, allow_none=True, metadata={"description": "why the request was refused: the name of a problem"}
    )
    address = fields.String(required=True)
    user_agent = fields.String(required=True)
    duration_ms = fields.Float(required=True)
    request_id = fields.String(required=True)
    requests = fields.Integer(
        required=True,
        metadata={
            "description": "how many requests the entry stands for; more than 1: refused requests counted together"
        },
    )
    secret_hint = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "of the secret that it came with, if that was not the key's newest (in a grace), or is dead"
        },
    )


class HappeningSchema(StrictSchema):
    revision = fields.Integer(required=True)
    type = fields.String(required=True)
    actor = fields.String(required=True)
    on_behalf_of = fields.String(
        allow_none=True, metadata={"description": "whom the account of another back end says it asks for"}
    )
    request_id = fields.String(required=True, allow_none=True)
    facts = fields.Dict(required=True)


class ActivityEntrySchema(StrictSchema):
    at = fields.AwareDateTime(required=True)
    request = fields.Nested(RequestSchema, required=True, allow_none=True)
    lifecycle = fields.Nested(HappeningSchema, required=True, allow_none=True)


class ActivitySchema(StrictSchema):
    data = fields.List(fields.Nested(ActivityEntrySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
