"""Times in queries and bodies: one parser for all of them."""

from collections.abc import Iterator

import pytest
from marshmallow import Schema, ValidationError, fields

from services.service_registry import documented_routes
from shared.web.operation import operation_of
from shared.web.requests.timestamp import Timestamp


def test_what_is_refused_is_told_what_a_time_looks_like() -> None:
    for value in ("tomorrow", "2026-W48-1T08:17:00Z", 1764000000, ["2026-11-23T08:17:00Z"]):
        with pytest.raises(ValidationError, match="such as 2026-11-23T08:17:00Z"):
            Timestamp().deserialize(value)


def test_every_time_that_a_request_may_hold_is_read_by_that_parser() -> None:
    times = [field for schema in _requests() for field in schema.fields.values() if isinstance(field, fields.DateTime)]
    assert len(times) > 5
    assert all(isinstance(field, Timestamp) for field in times)


def _requests() -> Iterator[Schema]:
    for route in documented_routes():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if (declared := operation_of(route.resource, method)) is not None:
                yield from (schema() for schema in (declared.query, declared.body) if schema is not None)
