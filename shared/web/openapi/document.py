"""OpenAPI 3.1 document (/openapi.json), made from what the operations declare and nothing else.

Fit for generators of clients: names of operations as methods are called, patterns of ECMA 262, one security scheme.
"""

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

import falcon
import marshmallow
import msgspec
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from shared.web.conditions.entity_tags import TAGS
from shared.web.conditions.idempotency import FORM, OTHER_BODY
from shared.web.openapi import schema_attributes
from shared.web.openapi.naming import operation_id
from shared.web.openapi.responses import components, responses
from shared.web.openapi.webhook import webhook_item
from shared.web.operation import Operation, StrictSchema, operation_of
from shared.web.requests.texts import PLAIN

_METHODS = ("get", "post", "put", "patch", "delete")
_ABOUT = """API keys for Grillo Cloud, and what they open: sensors, their data, seismic events.

Send the key as `Authorization: Bearer KEY`. It may also be sent as the query parameter `api_key`, if the key allows
that, but not both; where URLs are logged or kept, the header is safer. Times are RFC 3339 with a zone; lists are read
page by page with `next_cursor`. Errors are `application/problem+json`; `error.code` is the product's own, coarser name.
"""
_HEADERS = {
    "Idempotency-Key": {
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "description": f"makes it safe to repeat, for a day; {FORM}; {OTHER_BODY}",
    },
    "If-Match": {"schema": {"type": "string", "pattern": TAGS}, "description": "tags of the revision it is based on"},
    "If-None-Match": {"schema": {"type": "string", "pattern": TAGS}, "description": "tags of what the caller has"},
}
_SIZES = {"type", "minLength", "maxLength", "default", "description"}
_ID_EXAMPLE = "3YMUxZgQ2XZi9VkAmW1Luj"
_PREFIXES = {"channel_id": "chn", "delivery_id": "dlv", "event_id": "evt", "rule_id": "rul"}


class OpenApi:
    """Described when somebody first asks: the operations of other services are read for it, which takes a second."""

    def __init__(self, routes: Callable[[], Sequence[tuple[str, object]]], public_url: str) -> None:
        self._routes, self._public_url = routes, public_url

    @functools.cached_property
    def _document(self) -> bytes:
        return _encoded(tuple((path, type(resource)) for path, resource in self._routes()), self._public_url)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "application/json"
        resp.data = self._document


@functools.lru_cache(maxsize=8)
def _encoded(routes: tuple[tuple[str, type]], public_url: str) -> bytes:
    """Operations are declared by classes: whoever serves the same ones, in this process, has the same document."""
    return msgspec.json.encode(document(routes, public_url))


def document(routes: Sequence[tuple[str, object]], public_url: str) -> dict[str, Any]:
    """An OpenAPI 3.1 document of all declared operations, and of the webhooks that their resources list."""
    plugin = MarshmallowPlugin(schema_name_resolver=_schema_name)
    spec = APISpec(
        title="Grillo Cloud",
        version="1",
        openapi_version="3.1.0",
        plugins=[plugin],
        info={"description": _ABOUT, "contact": {"name": "Grillo Cloud", "url": public_url}},
        servers=[{"url": public_url}],
        externalDocs={"url": f"{public_url}/docs"},
        security=[{"bearer": []}],
    )
    schema_attributes.add_to(plugin)
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    declared = {(path, resource): _declared(resource) for path, resource in routes}
    shared = components(public_url, (op for operations in declared.values() for op in operations.values()))
    for name, header in shared["headers"].items():
        spec.components.header(name, header)
    for name, example in shared["examples"].items():
        spec.components.example(name, example)
    for name, response in shared["responses"].items():
        spec.components.response(name, response)
    tags: dict[str, None] = {}
    webhooks: dict[str, Any] = {}
    for (path, resource), operations in declared.items():
        if operations:
            described = {method: _describe(path, method, op) for method, op in operations.items()}
            spec.path(path=path, operations=described, parameters=_path_parameters(path))
        tags |= dict.fromkeys(op.tag for op in operations.values())
        for webhook in getattr(resource, "webhooks", ()):
            webhooks[webhook.name] = webhook_item(webhook)
            plugin.operation_helper(operations=webhooks[webhook.name])
            tags["Webhooks"] = None
    for tag in tags:
        spec.tag({"name": tag})
    body: dict[str, Any] = spec.to_dict()
    for item in body["paths"].values():
        for told in item.values():
            _plain_queries(told)
    return body | ({"webhooks": webhooks} if webhooks else {})


def _declared(resource: object) -> dict[str, Operation]:
    """Its operations by method. One that answers several methods alike is told once."""
    found: dict[str, Operation] = {}
    for method in _METHODS:
        operation = operation_of(resource, method)
        if operation is not None and operation not in found.values():
            found[method] = operation
    return found


def _schema_name(schema: type[Schema] | Schema) -> str:
    name = schema.__name__ if isinstance(schema, type) else type(schema).__name__
    return name.removesuffix("Schema")


def _describe(path: str, method: str, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name or operation_id(method, path, operation.answers),
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": responses(operation),
        "description": _description(operation),
        # The same for programs: the reference pages say it in their reader's language.
        "x-permission": operation.permission,
    }
    if operation.gives_up:
        described["x-gives-up"] = True
    if operation.reserve is not None:
        described["x-reserve"] = {"name": operation.reserve.name, "minute": operation.reserve.limits.minute}
    parameters: list[dict[str, Any]] = [
        {"in": "header", "name": name, "required": False} | _HEADERS.get(name, {"schema": {"type": "string"}})
        for name in operation.headers
    ]
    if operation.query:
        parameters.append({"in": "query", "schema": operation.query})
    if parameters:
        described["parameters"] = parameters
    if operation.body:
        content: dict[str, Any] = {"schema": operation.body}
        if operation.example is not None:
            content["example"] = operation.example
        described["requestBody"] = {"required": _is_needed(operation.body), "content": {"application/json": content}}
    return described


def _plain_queries(operation: Any) -> None:
    """No text in a query has control characters (shared/web/requests/query_parameters.py)."""
    for parameter in operation.get("parameters", ()) if isinstance(operation, dict) else ():
        schema = parameter["schema"].get("items", parameter["schema"])
        if parameter["in"] == "query" and schema.get("type") == "string" and schema.keys() <= _SIZES:
            schema["pattern"] = PLAIN


def _is_needed(body: type[StrictSchema]) -> bool:
    """Whether an empty body, which is read as {}, is refused."""
    try:
        body().load({})
    except marshmallow.ValidationError:
        return True
    return False


def _description(operation: Operation) -> str:
    needs = f"Needs the permission `{operation.permission}`." if operation.permission else "Works with any key."
    if operation.gives_up:
        needs += " Also with one that is suspended, expired, or used from an address outside its own."
    if operation.body is not None and operation.body.refusals:
        needs += f" Refused with 422: {'; '.join(operation.body.refusals)}."
    reserve = operation.reserve
    if reserve is None:
        return needs
    return (
        f"{needs} Accepted up to {reserve.limits.minute} times a minute even when the key's limits are used up "
        f'(the answer\'s RateLimit policy is then "{reserve.name}").'
    )


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {
            "in": "path",
            "name": name,
            "required": True,
            "schema": {"type": "string"},
            "example": f"{_PREFIXES.get(name, name[:3])}_{_ID_EXAMPLE}",
        }
        for name in re.findall(r"{(\w+)}", path)
    ]
