"""What may be null is null among its choices: a generated client refuses an answer whose value is not among them."""

from collections.abc import Iterator
from typing import Any

from services.service_registry import documented_routes
from shared.web.openapi.document import document


def test_a_choice_that_may_be_null_names_null() -> None:
    nullable = [
        (path, schema)
        for path, schema in _schemas(document(documented_routes(), "http://localhost:8000"), "")
        if "enum" in schema and "null" in schema.get("type", ())
    ]
    assert nullable, "there is such a choice"
    assert [path for path, schema in nullable if None not in schema["enum"]] == []


def _schemas(node: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield path, node
        for name, child in node.items():
            yield from _schemas(child, f"{path}/{name}")
    elif isinstance(node, list):
        for child in node:
            yield from _schemas(child, path)
