"""A choice says its type, null included: a generated client refuses an answer whose value is not of it."""

from collections.abc import Iterator
from typing import Any

from services.service_registry import documented_routes
from shared.web.openapi.document import document


def test_a_choice_says_its_type_and_null_where_it_may_be_null() -> None:
    found = _schemas(document(documented_routes(), "http://localhost:8000"), "")
    choices = [(path, schema) for path, schema in found if "enum" in schema and "/properties/" in path]
    assert choices
    assert [path for path, schema in choices if "type" not in schema] == []
    assert [path for path, schema in choices if (None in schema["enum"]) != ("null" in schema["type"])] == []


def _schemas(node: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield path, node
        for name, child in node.items():
            yield from _schemas(child, f"{path}/{name}")
    elif isinstance(node, list):
        for child in node:
            yield from _schemas(child, path)
