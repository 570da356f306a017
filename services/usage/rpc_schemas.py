"""Marshmallow schemas of the usage service's RPC: its arguments and answers."""

from marshmallow import Schema, ValidationError, fields, post_dump, validate, validates_schema

from services.usage.counters.statistics import Step
from shared.contracts.schema_fields import PAGE_MAX, Moment, identifier


class SummaryArguments(Schema):
    organisation_id = identifier()
    key_id = identifier()
    start = Moment(required=True)
    end = Moment(required=True)
    step = fields.Enum(Step)

    @validates_schema
    def _forward(self, data: dict[str, object], **_: object) -> None:
        if data["start"] > data["end"]:  # type: ignore[operator]  # both moments
            raise ValidationError("must not be before start", "end")


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


class ActivityArguments(Schema):
    organisation_id = identifier()
    key_id = identifier()
    limit = fields.Integer(strict=True, validate=validate.Range(min=1, max=PAGE_MAX))
    before = Moment(allow_none=True)


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


class SpentAnswer(Schema):
    key_id = fields.String()
    today = fields.Integer()
    seconds_ago = fields.List(fields.Float())
