"""Marshmallow schemas of the usage API: the query and the answers."""

from dataclasses import dataclass
from datetime import datetime

from marshmallow import fields, validate

from services.usage.counters.statistics import Step
from shared.web.operation import StrictSchema
from shared.web.requests.timestamp import Timestamp


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
    from_ = Timestamp(
        data_key="from",
        metadata={
            "description": "a range of more than 31 days, or one of as many counters, is a wide question: an "
            "organisation has one answered at a time, and each reads so much and so long at most",
            "refusals": ["must not be later than to (or than now, if to is left out)"],
        },
    )
    to = Timestamp(metadata={"refusals": ["is too long ago"]})
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


class ForecastSchema(StrictSchema):
    day_exhausted_at = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={
            "description": "at the rate of the last 60 minutes, also of those before midnight; "
            "null: at that rate the day's quota will last"
        },
    )


class DurationsSchema(StrictSchema):
    p50 = fields.Float(required=True, allow_none=True)
    p95 = fields.Float(required=True, allow_none=True)
    p99 = fields.Float(required=True, allow_none=True)


class _RangeSchema(StrictSchema):
    """The range as it was summed. In the class's body `from` could not be a name."""

    from_ = fields.AwareDateTime(
        required=True, data_key="from", metadata={"description": "the start asked for, widened to a whole step"}
    )
    to = fields.AwareDateTime(
        required=True, metadata={"description": "the end asked for, widened to a whole step; not part of the range"}
    )
    step = fields.String(required=True)


class SummarySchema(_RangeSchema):
    total = fields.Integer(required=True)
    bytes = fields.Integer(required=True, metadata={"description": "of the bodies of the answers"})
    by_class = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    duration_ms = fields.Nested(
        DurationsSchema,
        required=True,
        metadata={"description": "quantiles over the whole hours that the range touches, 2 % off at most"},
    )
    series = fields.List(fields.Nested(BucketSchema), required=True)
    routes = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    networks = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={
            "description": "network → requests whose answers were about it, the 100 with most; of keys that are there"
        },
    )


class KeyUsageSchema(SummarySchema):
    quota = fields.Nested(QuotaSchema, required=True)
    forecast = fields.Nested(ForecastSchema, required=True)


class KeyTotalSchema(StrictSchema):
    key_id = fields.String(required=True)
    hint = fields.String(required=True)
    requests = fields.Integer(required=True)


class OrganisationUsageSchema(SummarySchema):
    keys = fields.List(
        fields.Nested(KeyTotalSchema),
        required=True,
        metadata={"description": "the keys with the most requests, 100 at most; deleted keys count in the total only"},
    )


class DeletedSchema(StrictSchema):
    id = fields.String(required=True)
    deleted_at = fields.AwareDateTime(required=True)
