"""Marshmallow schemas of the sensors service's RPC: its arguments and answers."""

import re
import unicodedata
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from services.sensors.networks.network import ChangeNetwork
from services.sensors.registry.status import Status
from shared.contracts.schema_fields import PAGE_MAX, Moment, identifier, text_like
from shared.observability.redaction import redact
from shared.values.names import NotAName, as_name

STATES_MAX = 20  # each with a minute of recordings
_NETWORK_ID = re.compile(r"net_[0-9A-Za-z]{22}", re.ASCII)


class ListSensorsArguments(Schema):
    organisation_id = identifier()
    limit = fields.Integer(strict=True, validate=validate.Range(min=1, max=PAGE_MAX))
    after = fields.String(validate=validate.Length(max=100))


class NetworksOfArguments(Schema):
    organisation_id = identifier()


class NetworkNameAnswer(Schema):
    id = fields.String()
    name = fields.String()


class NetworksAnswer(Schema):
    networks = fields.List(fields.Nested(NetworkNameAnswer))


class LocationAnswer(Schema):
    latitude = fields.Float()
    longitude = fields.Float()
    elevation_m = fields.Float()


class ChannelAnswer(Schema):
    code = fields.String()
    location_code = fields.String()
    sample_rate_hz = fields.Float()
    unit = fields.String()


class SensorAnswer(Schema):
    id = fields.String()
    organisation_id = fields.String()
    name = fields.String()
    network = fields.String()
    station = fields.String()
    network_id = fields.String()
    location = fields.Nested(LocationAnswer)
    channels = fields.List(fields.Nested(ChannelAnswer))
    unit = fields.String()
    status = fields.Enum(Status, by_value=True)
    last_sample_at = Moment()


class NetworkStatesArguments(Schema):
    organisation_id = identifier()
    limit = fields.Integer(strict=True, validate=validate.Range(min=1, max=STATES_MAX))
    after = fields.String(validate=validate.Length(max=100))


class SensorStatesArguments(NetworkStatesArguments):
    network_id = fields.String(allow_none=True, validate=validate.Length(min=1, max=100))


def _without_secret(text: str) -> None:
    if redact(text) != text:
        raise ValidationError("must not contain an API key")


def _prose(text: str) -> None:
    _without_secret(text)
    if any(unicodedata.category(character) in ("Cc", "Cs") and character not in "\r\n\t" for character in text):
        raise ValidationError("must not contain control characters")


def _choice() -> fields.Boolean:
    return fields.Boolean(truthy={True}, falsy={False})


class NetworkSettingsArgument(Schema):
    """As over HTTP, without what detection is set to; what is left out stays as it is."""

    name = fields.String(validate=[validate.Length(min=1, max=100), _without_secret])
    description = fields.String(allow_none=True, validate=[validate.Length(max=1000), _prose])
    api_access = _choice()
    accepts_new = _choice()
    archived = _choice()

    @post_load
    def _as_change(self, data: dict[str, Any], **_: object) -> ChangeNetwork:
        if "name" in data:
            try:
                data["name"] = as_name(data["name"])
            except NotAName as fault:
                raise ValidationError(str(fault), "name") from None
        return ChangeNetwork(**data)


class NetworkCommandArguments(Schema):
    organisation_id = identifier()
    network_id = identifier()
    actor = fields.String(required=True, validate=validate.Length(min=1, max=64))
    request_id = fields.String(allow_none=True, validate=validate.Length(min=1, max=100))


class CreateNetworkArguments(NetworkCommandArguments):
    network_id = text_like(_NETWORK_ID)
    settings = fields.Nested(NetworkSettingsArgument, required=True)


class ChangeNetworkArguments(NetworkCommandArguments):
    settings = fields.Nested(NetworkSettingsArgument, required=True)
    revision = fields.Integer(strict=True, allow_none=True, validate=validate.Range(min=1, max=999_999_999))


class DeleteNetworkArguments(NetworkCommandArguments):
    name = fields.String(required=True, validate=validate.Length(min=1, max=100))


class ChangedNetworkAnswer(Schema):
    id = fields.String()
    revision = fields.Integer()


class NetworkStateAnswer(Schema):
    id = fields.String()
    name = fields.String()
    description = fields.String()
    api_access = fields.Boolean()
    accepts_new = fields.Boolean()
    archived = fields.Boolean()
    total_sensors = fields.Integer()
    online_sensors = fields.Integer()
    data_completeness = fields.Float()
    revision = fields.Integer()


class NetworkStatesAnswer(Schema):
    networks = fields.List(fields.Nested(NetworkStateAnswer))
    next_after = fields.String()
    total = fields.Integer()


class MinuteAnswer(Schema):
    channel = fields.String()
    ends_at = Moment()
    lows = fields.List(fields.Float(allow_none=True))
    highs = fields.List(fields.Float(allow_none=True))


class SensorStateAnswer(Schema):
    id = fields.String()
    name = fields.String()
    network_id = fields.String()
    status = fields.Enum(Status, by_value=True)
    last_sample_at = Moment()
    data_completeness = fields.Float()
    last_minute = fields.Nested(MinuteAnswer)


class SensorStatesAnswer(Schema):
    network = fields.Nested(NetworkStateAnswer)
    sensors = fields.List(fields.Nested(SensorStateAnswer))
    next_after = fields.String()
    total = fields.Integer()


class SensorPageAnswer(Schema):
    sensors = fields.List(fields.Nested(SensorAnswer))
    next_after = fields.String()
    total = fields.Integer()
