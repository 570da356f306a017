"""Refusals beyond JSON Schema: the words in which a validator refuses what fits the schema; /openapi.json tells them.

A validator declares them with `refuses`, a class of fields or of schemas as its `refusals`; a field whose handler
refuses has them in its metadata.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from marshmallow import fields

Validator = TypeVar("Validator", bound=Callable[..., Any])


def refuses(*texts: str, pattern: str | None = None) -> Callable[[Validator], Validator]:
    """`texts`: each as it is, or its beginning. `pattern`: of ECMA 262, which all that is taken fits."""

    def decorate(validator: Validator) -> Validator:
        validator.refusals, validator.pattern = texts, pattern  # type: ignore[attr-defined]  # read back below
        return validator

    return decorate


def refusals_of(field: fields.Field[Any]) -> list[str]:
    own = [text for validator in field.validators for text in getattr(validator, "refusals", ())]
    own += [*getattr(field, "refusals", ()), *field.metadata.get("refusals", ())]
    return list(dict.fromkeys(own))


def pattern_of(field: fields.Field[Any]) -> str | None:
    """That of the first validator which has one."""
    return next(filter(None, (getattr(validator, "pattern", None) for validator in field.validators)), None)
