"""OpenAPI 3.1 document (/openapi.json), made from what the operations declare and nothing else."""

import re
from collections.abc import Sequence
from typing import Any

import falcon
import msgspec
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from shared.web.operation import JSON, Operation, operation_of
from shared.web.problems.catalogue import CATALOGUE
from shared.web.requests.json_body import BODY_PROBLEMS

_METHODS = ("get", "post", "put", "patch", "delete")
_EVERYWHERE = (
    "invalid-request",
    "missing-credentials",
    "insufficient-permission",
    "quota-exceeded",
    "unavailable",
)


class ProblemSchema(Schema):
    type = fields.Url(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    violated_policies = fields.List(fields.String(), data_key="violated-policies")


class OpenApi:
    def __init__(self, routes: Sequence[tuple[str, object]], public_url: str) -> None:
        self._document = msgspec.json.encode(document(routes, public_url))

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "application/json"
        resp.data = self._document


def document(routes: Sequence[tuple[str, object]], public_url: str) -> dict[str, Any]:
    """An OpenAPI 3.1 document of all declared operations."""
    spec = APISpec(
        title="Grillo Cloud",
        version="1",
        openapi_version="3.1.0",
        plugins=[MarshmallowPlugin(schema_name_resolver=_schema_name)],
        servers=[{"url": public_url}],
        security=[{"header": []}, {"query": []}],
    )
    spec.components.security_scheme("header", {"type": "http", "scheme": "bearer"})
    spec.components.security_scheme("query", {"type": "apiKey", "in": "query", "name": "api_key"})
    for path, resource in routes:
        declared = {method: operation_of(resource, method) for method in _METHODS}
        operations = {method: _describe(path, method, op) for method, op in declared.items() if op is not None}
        if operations:
            spec.path(path=path, operations=operations, parameters=_path_parameters(path))
    body: dict[str, Any] = spec.to_dict()
    return body


def _schema_name(schema: type[Schema] | Schema) -> str:
    name = schema.__name__ if isinstance(schema, type) else type(schema).__name__
    return name.removesuffix("Schema")


def _describe(path: str, method: str, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{method}{re.sub(r'[^a-z0-9]+', '_', path.lower())}",
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": _responses(operation),
        "description": _description(operation),
    }
    parameters: list[dict[str, Any]] = [
        {"in": "header", "name": name, "required": False, "schema": {"type": "string"}} for name in operation.headers
    ]
    if operation.query:
        parameters.append({"in": "query", "schema": operation.query})
    if parameters:
        described["parameters"] = parameters
    if operation.body:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": operation.body}}}
    return described


def _description(operation: Operation) -> str:
    needs = f"Needs the permission `{operation.permission}`." if operation.permission else "Works with any key."
    if operation.gives_up:
        needs += " Also with one that is suspended, expired, or used from an address outside its own."
    reserve = operation.reserve
    if reserve is None:
        return needs
    return (
        f"{needs} Accepted up to {reserve.limits.minute} times a minute even when the key's limits are used up "
        f'(the answer\'s RateLimit policy is then "{reserve.name}").'
    )


def _responses(operation: Operation) -> dict[str, Any]:
    answers: dict[str, Any] = {
        str(operation.status): {
            "description": operation.summary,
            "content": {JSON: {"schema": operation.answers}}
            | {media_type: {"schema": {"type": "string"}} for media_type in operation.alternatives},
        }
    }
    for name in (*_EVERYWHERE, *(BODY_PROBLEMS if operation.body else ()), *operation.problems):
        problem = CATALOGUE[name]
        answers[str(problem.status)] = {
            "description": problem.title,
            "content": {"application/problem+json": {"schema": ProblemSchema}},
        }
    return answers


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]
