"""Query parameters and Accept: read, or refused before any schema or database sees them."""

import re
import unicodedata
from functools import lru_cache
from typing import Any

import falcon
import marshmallow
from falcon.errors import InvalidMediaRange
from falcon.util.mediatypes import best_match
from marshmallow import Schema, fields

from shared.web.problems.catalogue import Problem
from shared.web.requests.json_body import pointers

_SCHEMAS_MAX = 1024
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,20}", re.ASCII)


@lru_cache(_SCHEMAS_MAX)
def fields_by_name(schema: Schema) -> dict[str, Any]:
    """The schema's fields by their names in the query."""
    return {field.data_key or name: field for name, field in schema.fields.items()}


def unreadable(field: Any, value: str | list[str]) -> str | None:
    """Why the value is refused, or None. int() would take 1_0 and digits of any script; databases take no NUL."""
    if isinstance(field, fields.List):
        return next(filter(None, (unreadable(field.inner, each) for each in value)), None)
    if not isinstance(value, str):
        return "is given more than once"
    if has_control_characters(value):
        return "must not contain control characters"
    if isinstance(field, fields.Integer) and _WHOLE_NUMBER.fullmatch(value) is None:
        return "must be a whole number"
    return None


def preferred(accept: str | None, media_types: tuple[str, ...]) -> str:
    """The media type the caller prefers; the first if it has no preference, an invalid one, or none of these.

    Media types are compared without regard to case (RFC 9110, section 8.3.1), which Falcon does not.
    """
    try:
        return best_match(media_types, (accept or "*/*").lower()) or media_types[0]
    except InvalidMediaRange:
        return media_types[0]


def has_control_characters(text: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in text)


def read_query(req: falcon.Request | None, schema: Schema | None, *, credential: bool = True) -> Any:
    """The query as its schema loads it. Raises Problem. `credential`: leave `api_key` to the gate, which reads it."""
    params = {} if req is None else req.params
    given = {name: value for name, value in params.items() if not (credential and name == "api_key")}
    if schema is None:
        if given:
            raise Problem("invalid-request", f"unknown query parameters: {', '.join(sorted(given))}")
        return None
    known = fields_by_name(schema)
    for name in given.keys() & known:
        if isinstance(known[name], fields.List) and isinstance(alone := given[name], str):
            given[name] = [alone]
        fault = unreadable(known[name], given[name])
        if fault is not None:
            raise Problem("invalid-request", f"{name}: {fault}")
    try:
        return schema.load(given)
    except marshmallow.ValidationError as error:
        unknown = sorted(given.keys() - known)
        if unknown:
            raise Problem("invalid-request", f"unknown query parameters: {', '.join(unknown)}") from None
        raise Problem("invalid-request", _sentence(error.messages)) from None


def _sentence(messages: Any) -> str:
    """The first fault."""
    at, texts = next(iter(pointers(messages).items()))
    return f"{at.lstrip('/')}: {texts[0]}"


def values_in_query(request: falcon.Request, name: str) -> tuple[str, ...]:
    """Every value that the query has of this name."""
    values = request.params.get(name)
    return () if values is None else (values,) if isinstance(values, str) else tuple(values)
