"""Operations as the reference shows them, read from the OpenAPI document: parameters, members, problems, a curl line.

Pure. Only what our own documents say is understood: shared/web/openapi makes them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")
_DEPTH_MAX = 4
_SAMPLES = {"string": "…", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A parameter, or a member of a body: `limits.minute`, `data[].id`. `type` and `description` are English."""

    name: str
    type: str
    is_required: bool
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOperation:
    """`permission` None: works with any key. `reserve`: (name, times a minute) beyond the key's limits."""

    id: str
    method: str
    path: str
    tag: str
    summary: str
    permission: str | None
    gives_up: bool
    reserve: tuple[str, int] | None
    parameters: tuple[Member, ...]
    headers: tuple[str, ...]
    body: tuple[Member, ...]
    status: str
    answer: tuple[Member, ...]
    problems: tuple[tuple[str, tuple[str, ...]], ...]
    curl: str


def operations(document: Schema) -> list[ApiOperation]:
    reader = _Reader(document)
    return [
        reader.operation(path, method, item[method], item.get("parameters", ()))
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    ]


class _Reader:
    def __init__(self, document: Schema) -> None:
        self._components = document["components"]
        self._server = document["servers"][0]["url"]

    def operation(self, path: str, method: str, op: Schema, of_path: list[Schema]) -> ApiOperation:
        parameters = [*of_path, *op.get("parameters", ())]
        asked = [parameter for parameter in parameters if parameter["in"] != "header"]
        content = op.get("requestBody", {}).get("content", {}).get("application/json", {})
        status = next(status for status in op["responses"] if status.startswith("2"))
        answered = op["responses"][status].get("content", {}).get("application/json", {}).get("schema", {})
        reserve = op.get("x-reserve")
        return ApiOperation(
            id=op["operationId"],
            method=method.upper(),
            path=path,
            tag=op["tags"][0],
            summary=op["summary"],
            permission=op.get("x-permission"),
            gives_up=op.get("x-gives-up", False),
            reserve=reserve and (reserve["name"], reserve["minute"]),
            parameters=tuple(
                self._member(one["name"], one["schema"], one.get("required", False), one.get("description", ""))
                for one in asked
            ),
            headers=tuple(parameter["name"] for parameter in parameters if parameter["in"] == "header"),
            body=tuple(self._members(content.get("schema", {}))),
            status=status,
            answer=tuple(self._members(answered)),
            problems=tuple(
                (status, tuple(answer["$ref"].rsplit("/", 1)[1].split(".")[1:]))
                for status, answer in op["responses"].items()
                if "$ref" in answer
            ),
            curl=self._curl(path, method, of_path, content),
        )

    def _curl(self, path: str, method: str, of_path: list[Schema], content: Schema) -> str:
        for parameter in of_path:
            path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
        verb = "" if method == "get" or (method == "post" and content) else f" -X {method.upper()}"
        lines = [f"curl -sS{verb} {self._server}{path}", '  -H "Authorization: Bearer $GRILLO_API_KEY"']
        if content:
            example = content.get("example")
            body = json.dumps(self._sample(content["schema"]) if example is None else example, ensure_ascii=False)
            lines += ["  -H 'Content-Type: application/json'", f"  -d '{body}'"]
        return " \\\n".join(lines)

    def _members(self, schema: Schema, prefix: str = "", depth: int = 0) -> Iterator[Member]:
        schema = self._resolved(schema)
        required = schema.get("required", ())
        for name, member in schema.get("properties", {}).items():
            yield self._member(prefix + name, member, name in required, member.get("description", ""))
            inner, mark = self._inner(member)
            if inner and depth < _DEPTH_MAX:
                yield from self._members(inner, f"{prefix}{name}{mark}.", depth + 1)

    def _member(self, name: str, schema: Schema, is_required: bool, description: str) -> Member:
        return Member(name=name, type=self._type(schema), is_required=is_required, description=description)

    def _inner(self, schema: Schema) -> tuple[Schema | None, str]:
        """The object within, and how a path says so: `[]` for the items of a list."""
        schema = self._resolved(schema)
        if "properties" in schema:
            return schema, ""
        return (self._inner(schema["items"])[0], "[]") if "items" in schema else (None, "")

    def _resolved(self, schema: Schema) -> Schema:
        """Through references, and past `null` where one of two is that."""
        while True:
            if "$ref" in schema:
                schema = self._components["schemas"][schema["$ref"].rsplit("/", 1)[1]]
            elif "anyOf" in schema:
                schema = next(one for one in schema["anyOf"] if one.get("type") != "null")
            else:
                return schema

    def _type(self, schema: Schema) -> str:
        whole = self._resolved(schema)
        types = whole.get("type", "string" if "enum" in whole else "any")
        names = [types] if isinstance(types, str) else list(types)
        is_nullable = "null" in names or {"type": "null"} in schema.get("anyOf", ())
        name = " or ".join(one for one in names if one != "null")
        if "enum" in whole:
            name = "one of " + ", ".join(str(value) for value in whole["enum"] if value is not None)
        elif name == "array":
            name = f"list of {self._type(whole.get('items', {}))}"
        elif whole.get("format") == "date-time":
            name = "time"
        return name + _bounds(whole) + (" or null" if is_nullable else "")

    def _sample(self, schema: Schema) -> Any:
        """The smallest value that says what is needed."""
        schema = self._resolved(schema)
        if "enum" in schema:
            return schema["enum"][0]
        if "properties" in schema:
            return {name: self._sample(schema["properties"][name]) for name in schema.get("required", ())}
        types = schema.get("type", "string")
        name = types if isinstance(types, str) else types[0]
        return [self._sample(schema["items"])] if name == "array" and "items" in schema else _SAMPLES[name]


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    longest = schema.get("maxLength", schema.get("maxItems"))
    if low is not None and high is not None:
        text = f", {low:,} to {high:,}"
    elif low is not None:
        text = f", at least {low:,}"
    else:
        text = "" if longest is None else f", at most {longest:,}"
    return text + (f", {schema['default']} if not given" if schema.get("default") not in (None, "") else "")
