"""The queries and answers of the usage API."""

from dataclasses import dataclass
from datetime import datetime

from marshmallow import fields, validate

from services.usage.statistics import Step
from shared.web.operation import StrictSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuery:
    """`from_` is `from` in the query."""

    from_: datetime | None = None
    to: datetime | None = None
    step: str = "hour"

    def steps(self) -> Step:
        return Step[self.step.upper()]


class UsageQuerySchema(StrictSchema):
    shape = UsageQuery
    from_ = fields.AwareDateTime(format="iso", data_key="from")
    to = fields.AwareDateTime(format="iso")
    step = fields.String(validate=validate.OneOf(("minute", "hour", "day")))


class BucketSchema(StrictSchema):
    start = fields.AwareDateTime(required=True)
    requests = fields.Integer(required=True)
    by_status = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class UsedSchema(StrictSchema):
    used = fields.Integer(required=True)
    left = fields.Integer(required=True, allow_none=True, metadata={"description": "null: unlimited"})


class QuotaSchema(StrictSchema):
    minute = fields.Nested(UsedSchema, required=True)
    day = fields.Nested(UsedSchema, required=True)


class KeyUsageSchema(StrictSchema):
    total = fields.Integer(required=True)
    series = fields.List(fields.Nested(BucketSchema), required=True)
    routes = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    quota = fields.Nested(QuotaSchema, required=True)
