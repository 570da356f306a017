"""Settings of a key's access as columns of its row: a time is an RFC 3339 text, several values are JSON."""

import dataclasses
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from services.keys.lifecycle.key import Access, settings
from shared.values.timestamps import from_rfc3339, rfc3339

_TYPES = {field.name: field.type for field in dataclasses.fields(Access)}
_TUPLES = (tuple[str, ...], tuple[str, ...] | None)


def as_columns(source: Any) -> dict[str, object]:
    """The columns for the settings that an event, a state or a view has."""
    return {name: _stored(value) for name, value in settings(source).items()}


def from_row(row: Row[Any]) -> dict[str, Any]:
    """The settings that a row holds, by name."""
    return {name: _read(getattr(row, name), type_) for name, type_ in _TYPES.items()}


def _stored(value: object) -> object:
    if isinstance(value, datetime):
        return rfc3339(value)
    return msgspec.json.encode(value).decode() if isinstance(value, tuple) else value


def _read(stored: Any, type_: Any) -> Any:
    if type_ == datetime | None:
        return stored and from_rfc3339(stored)
    return tuple(msgspec.json.decode(stored)) if type_ in _TUPLES and stored is not None else stored
