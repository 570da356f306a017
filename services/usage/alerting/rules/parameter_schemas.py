"""Marshmallow schemas of a rule's parameters, one for each kind; and the merging of those that a change names."""

from collections.abc import Mapping
from typing import Any

import msgspec
from marshmallow import ValidationError, fields, validate

from services.usage.alerting.rules.rule import (
    PARAMETERS,
    ErrorRateParameters,
    ExpiringParameters,
    Kind,
    NoParameters,
    Parameters,
    QuotaParameters,
    VolumeParameters,
)
from shared.web.operation import StrictSchema
from shared.web.schemas.whole_number import WholeNumber

_COUNT_MAX = 1_000_000


def _ascending(percents: list[int]) -> None:
    if sorted(set(percents)) != percents:
        raise ValidationError("must be in ascending order, without repetition")


def _percent() -> WholeNumber:
    return WholeNumber(validate=validate.Range(min=1, max=100))


class _QuotaSchema(StrictSchema):
    shape = QuotaParameters
    thresholds_percent = fields.List(_percent(), validate=[validate.Length(min=1, max=5), _ascending])


class _ErrorRateSchema(StrictSchema):
    shape = ErrorRateParameters
    threshold_percent = _percent()
    requests_min = WholeNumber(validate=validate.Range(min=1, max=_COUNT_MAX))


class _VolumeSchema(StrictSchema):
    shape = VolumeParameters
    factor = WholeNumber(validate=validate.Range(min=2, max=1000))
    requests_min = WholeNumber(validate=validate.Range(min=1, max=_COUNT_MAX))


class _ExpiringSchema(StrictSchema):
    shape = ExpiringParameters
    days = WholeNumber(validate=validate.Range(min=1, max=14))


class _NoSchema(StrictSchema):
    shape = NoParameters


_SCHEMAS: Mapping[Kind, type[StrictSchema]] = {
    Kind.QUOTA: _QuotaSchema,
    Kind.ERROR_RATE: _ErrorRateSchema,
    Kind.NEW_SOURCE: _NoSchema,
    Kind.VOLUME: _VolumeSchema,
    Kind.DEAD_KEY_USED: _NoSchema,
    Kind.KEY_EXPIRING: _ExpiringSchema,
    Kind.KEY_UNUSED: _NoSchema,
}


def merged_parameters(kind: Kind, before: Parameters, patch: Mapping[str, Any] | None) -> Parameters:
    """`before` with what `patch` names; null: the default, of one or of all. Raises marshmallow.ValidationError."""
    if patch is None:
        return PARAMETERS[kind]()
    known: dict[str, Any] = msgspec.to_builtins(before)
    cleared = {name for name, value in patch.items() if value is None and name in known}
    named = known | dict(patch)
    return parameters_of(kind, {name: value for name, value in named.items() if name not in cleared})


def parameters_of(kind: Kind, document: Mapping[str, Any]) -> Parameters:
    """Raises marshmallow.ValidationError."""
    loaded: Any = _SCHEMAS[kind]().load(document)
    match loaded:
        case QuotaParameters():
            return QuotaParameters(thresholds_percent=tuple(loaded.thresholds_percent))
        case _:
            parameters: Parameters = loaded
            return parameters
