"""Answers of an operation in the OpenAPI document: every problem of every status, with an example, and the headers."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from marshmallow import Schema, fields

from shared.gate.verdict import Refusal
from shared.web.operation import Operation
from shared.web.problems.catalogue import CATALOGUE, Problem
from shared.web.requests.json_body import BODY_PROBLEMS

# What the gate or any handler may answer wherever a key is asked for.
_EVERYWHERE = {
    *(refusal.value for refusal in Refusal if refusal.value in CATALOGUE and refusal is not Refusal.QUOTA_EXCEEDED),
    *("quota-exceeded", "unavailable", "internal-error"),
}
_PERMISSION = "insufficient-permission"
_TEXT, _NUMBER = {"type": "string"}, {"type": "integer"}
HEADERS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "X-Request-Id": ("the request's id: the caller's, if it sent a sane one", _TEXT, "req_465ae16fb4dba8d300000001"),
    "RateLimit-Policy": (
        "the key's limits, as of the IETF draft",
        _TEXT,
        '"minute";q=300;w=60, "concurrent";q=20;qu="concurrent-requests"',
    ),
    "RateLimit": ("what is left of them, and for how many seconds", _TEXT, '"minute";r=299;t=60, "concurrent";r=19'),
    "X-RateLimit-Limit": ("the limit of the window with fewer requests left", _NUMBER, 300),
    "X-RateLimit-Remaining": ("requests left in that window", _NUMBER, 299),
    "X-RateLimit-Reset": ("when more are left in that window, in Unix seconds", _NUMBER, 1795852800),
    "X-Accepted-Permission": ("the permission that the operation needs", _TEXT, "sensors:read"),
    "Cache-Control": ("who may keep the answer", _TEXT, "private"),
    "Retry-After": ("seconds to wait before the next attempt", _NUMBER, 12),
    "WWW-Authenticate": ("what is wrong with the key, as of RFC 6750", _TEXT, 'Bearer realm="grillo"'),
    "Location": ("the path of what was made", _TEXT, "/v1/keys/key_3YMUxZgQ2XZi9VkAmW1Luj"),
    "ETag": ("what If-Match and If-None-Match compare", _TEXT, 'W/"3.kJ2b0x7sPq1Zc5dE"'),
    "Idempotent-Replay": ("`true`: this answers what an earlier request did", _TEXT, "true"),
}
_ALWAYS = tuple(HEADERS)[:8]


class ErrorSchema(Schema):
    code = fields.String(required=True)
    message = fields.String(required=True)
    details = fields.Dict()
    retry_after = fields.Integer(metadata={"description": "seconds, as Retry-After"})


class MetaSchema(Schema):
    request_id = fields.String(required=True)


class ProblemSchema(Schema):
    """RFC 9457, with `error` and `meta` of the product's own form."""

    type = fields.String(required=True, metadata={"format": "uri"})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String()
    request_id = fields.String(required=True)
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "what is wrong with the body: JSON pointer → messages"},
    )
    violated_policies = fields.List(fields.String(), data_key="violated-policies")
    error = fields.Nested(ErrorSchema, required=True)
    meta = fields.Nested(MetaSchema, required=True)


def responses(operation: Operation) -> dict[str, Any]:
    content = {"application/json": {"schema": operation.answers}} | {
        media_type: {"schema": {"type": "string"}} for media_type in operation.alternatives
    }
    headers = [*_ALWAYS, *(["Location"] if operation.status == 201 else []), "ETag"]
    headers += ["Idempotent-Replay"] if operation.repeated is not None else []
    answers: dict[str, Any] = {
        str(operation.status): {"description": operation.summary, "headers": _headers(headers), "content": content}
    }
    if operation.is_read:
        unchanged = "The caller has it: `If-None-Match` names its `ETag`"
        answers["304"] = {"description": unchanged, "headers": _headers([*_ALWAYS, "ETag"])}
    problems = _by_status(_problems_of(operation))
    return answers | {str(status): _component(status, names) for status, names in problems.items()}


def components(public_url: str, operations: Iterable[Operation]) -> dict[str, dict[str, Any]]:
    """What answers refer to: headers, examples of problems, and the answers with the problems of one status."""
    groups = [group for operation in operations for group in _by_status(_problems_of(operation)).items()]
    return {
        "headers": {
            name: {"description": text, "schema": schema} | ({} if example is None else {"example": example})
            for name, (text, schema, example) in HEADERS.items()
        },
        "examples": {name: _example(name, public_url) for _, names in groups for name in names},
        "responses": {_component(status, names): _problems(status, names) for status, names in groups},
    }


def _problems_of(operation: Operation) -> set[str]:
    own = {*operation.problems, *(BODY_PROBLEMS if operation.body else ())}
    return own | (_EVERYWHERE if operation.permission else _EVERYWHERE - {_PERMISSION})


def _component(status: int, names: list[str]) -> str:
    return ".".join((str(status), *names))


def _by_status(names: Iterable[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for name, type_ in CATALOGUE.items():
        if name in names:
            found[type_.status].append(name)
    return found


def _problems(status: int, names: list[str]) -> dict[str, Any]:
    more = {401: ["WWW-Authenticate"], 403: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}
    return {
        "description": "\n".join(f"- `{name}`: {CATALOGUE[name].title}" for name in names),
        "headers": _headers([*_ALWAYS, *more.get(status, [])]),
        "content": {
            "application/problem+json": {
                "schema": ProblemSchema,
                "examples": {name: {"$ref": f"#/components/examples/{name}"} for name in names},
            }
        },
    }


def _headers(names: list[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _example(name: str, public_url: str) -> dict[str, Any]:
    type_ = CATALOGUE[name]
    problem = Problem(name, headers={"Retry-After": "12"} if type_.status in (429, 503) else None)
    request_id = HEADERS["X-Request-Id"][2]
    return {"summary": type_.title, "value": problem.body(public_url=public_url, instance=None, request_id=request_id)}
