"""Marshmallow schemas of the usage service's RPC: its arguments and answers."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_dump, post_load, validate, validates_schema

from services.usage.activity.status_condition import STATUS, status_range
from services.usage.activity.timeline import ActivityFilter, Place
from services.usage.counters.statistics import Step
from shared.contracts.schema_fields import PAGE_MAX, Moment, identifier


class _Range(Schema):
    organisation_id = identifier()
    start = Moment(required=True)
    end = Moment(required=True)
    step = fields.Enum(Step)

    @validates_schema
    def _forward(self, data: dict[str, object], **_: object) -> None:
        if data["start"] > data["end"]:  # type: ignore[operator]  # both moments
            raise ValidationError("must not be before start", "end")


class SummaryArguments(_Range):
    key_id = identifier()


class OrganisationSummaryArguments(_Range):
    pass


class UsedArguments(Schema):
    organisation_id = identifier()
    key_id = identifier()
    day_limit = fields.Integer(strict=True, allow_none=True, validate=validate.Range(min=0))


class UsedAnswer(Schema):
    minute = fields.Integer()
    day = fields.Integer()
    day_exhausted_at = Moment()


class BucketAnswer(Schema):
    start = Moment()
    requests = fields.Integer()
    by_status = fields.Dict(keys=fields.String(), values=fields.Integer())


class DurationsAnswer(Schema):
    p50 = fields.Float()
    p95 = fields.Float()
    p99 = fields.Float()


class SummaryAnswer(Schema):
    total = fields.Integer()
    bytes = fields.Integer()
    by_class = fields.Dict(keys=fields.String(), values=fields.Integer())
    duration_ms = fields.Nested(DurationsAnswer)
    series = fields.List(fields.Nested(BucketAnswer))
    routes = fields.Dict(keys=fields.String(), values=fields.Integer())
    networks = fields.Dict(keys=fields.String(), values=fields.Integer())


class LastDayArguments(Schema):
    organisation_id = identifier()
    key_ids = fields.List(identifier(), required=True, validate=validate.Length(max=PAGE_MAX))


class KeyDayAnswer(Schema):
    key_id = fields.String()
    requests = fields.List(fields.Integer())
    refused = fields.List(fields.Integer())
    in_last_hour = fields.Integer()


class LastDayAnswer(Schema):
    start = Moment()
    keys = fields.List(fields.Nested(KeyDayAnswer))
    new_sources = fields.Dict(keys=fields.String(), values=Moment())


class KeyTotalAnswer(Schema):
    key_id = fields.String()
    hint = fields.String()
    requests = fields.Integer()


class OrganisationSummaryAnswer(SummaryAnswer):
    keys = fields.List(fields.Nested(KeyTotalAnswer))
    refused_keys = fields.List(fields.Nested(KeyTotalAnswer))


class FilterArguments(Schema):
    status = fields.String(validate=validate.Regexp(STATUS.pattern + "$", error="must be such as 429 or 4xx"))
    route = fields.String(validate=validate.Length(min=1, max=100))
    address = fields.String(validate=validate.Length(min=1, max=45))
    request_id = fields.String(validate=validate.Length(min=1, max=100))
    secret_hint = fields.String(validate=validate.Length(min=1, max=16))
    only_requests = fields.Boolean()
    start = Moment()
    end = Moment()

    @post_load
    def _filter(self, data: dict[str, Any], **_: object) -> ActivityFilter:
        status = data.pop("status", None)
        return ActivityFilter(statuses=None if status is None else status_range(status), **data)


class FileArguments(Schema):
    organisation_id = identifier()
    key_id = identifier()
    where = fields.Nested(FilterArguments)
    after = fields.List(fields.Integer(strict=True), validate=validate.Length(equal=3), allow_none=True)

    @post_load
    def _place(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
        if data.get("after") is not None:
            data["after"] = Place(*data["after"])
        return data


class ActivityArguments(FileArguments):
    limit = fields.Integer(strict=True, validate=validate.Range(min=1, max=PAGE_MAX))
    before = Moment(allow_none=True)


class FileAnswer(Schema):
    """`next`: the place that the file goes on after; None: this is its end."""

    text = fields.String()
    next = fields.List(fields.Integer(), allow_none=True)


class RequestAnswer(Schema):
    method = fields.String()
    route = fields.String()
    status = fields.Integer()
    problem = fields.String()
    address = fields.String()
    user_agent = fields.String()
    duration_ms = fields.Float()
    request_id = fields.String()
    requests = fields.Integer()
    secret_hint = fields.String()


class EntryAnswer(Schema):
    at = Moment()
    request = fields.Nested(RequestAnswer)
    lifecycle = fields.Dict()
    place = fields.List(fields.Integer())


class AlertsArguments(Schema):
    organisation_id = identifier()
    limit = fields.Integer(strict=True, validate=validate.Range(min=1, max=PAGE_MAX))


class FactsAnswer(Schema):
    """Which fields are present depends on the kind of rule; absent ones are left out."""

    at = Moment()
    request_id = fields.String()
    route = fields.String()
    address = fields.String()
    user_agent = fields.String()
    window = fields.String()
    threshold_percent = fields.Integer()
    limit = fields.Integer()
    used = fields.Integer()
    requests = fields.Integer()
    failed = fields.Integer()
    per_hour = fields.Float()
    source = fields.String()
    expires_at = Moment()
    days_left = fields.Integer()
    threshold_days = fields.Integer()
    problem = fields.String()
    secret_hint = fields.String()

    @post_dump
    def _only_what_is_there(self, data: dict[str, object], **_: object) -> dict[str, object]:
        return {name: value for name, value in data.items() if value is not None}


class AlertAnswer(Schema):
    id = fields.String()
    rule_id = fields.String()
    kind = fields.String()
    key_id = fields.String()
    key_name = fields.String()
    facts = fields.Nested(FactsAnswer)
    muted = fields.Boolean()
    raised_at = Moment()
    resolved_at = Moment()


class ChannelsArguments(Schema):
    organisation_id = identifier()


class ChannelAnswer(Schema):
    """Its target is left out, which may be a secret."""

    name = fields.String()
    kind = fields.String()
    events = fields.List(fields.String())
    disabled_at = Moment()


class SpentAnswer(Schema):
    key_id = fields.String()
    today = fields.Integer()
    seconds_ago = fields.List(fields.Float())
