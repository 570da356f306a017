"""PostgreSQL stores no NUL and answers with an error of its own: no body's text may carry one so far."""

from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import Schema, ValidationError, fields

from services.keys import api as keys_api
from shared.web.operation import operation_of

NOTHING: Any = None
BODIES: dict[str, type[Schema]] = {
    f"{method} {path}": operation.body
    for path, resource in keys_api.routes(*[NOTHING] * 5)
    for method in ("post", "patch", "delete")
    if (operation := operation_of(resource, method)) is not None and operation.body is not None
}


def texts(field: Any) -> Iterator[fields.String]:
    """The texts in what a field takes, however deep."""
    if isinstance(field, fields.List):
        yield from texts(field.inner)
    elif isinstance(field, fields.Dict):
        yield from texts(field.key_field)
        yield from texts(field.value_field)
    elif isinstance(field, fields.Nested):
        for inner in field.schema.fields.values():
            yield from texts(inner)
    elif isinstance(field, fields.String):
        yield field


@pytest.mark.parametrize("operation", BODIES)
def test_no_text_of_a_body_takes_a_nul(operation: str) -> None:
    for name, field in BODIES[operation]().fields.items():
        for text in texts(field):
            with pytest.raises(ValidationError):
                pytest.fail(f"{name} takes {text.deserialize('key:a' + chr(0))!r}")
