"""Whatever fits /openapi.json: never a fault of ours, nor an answer or a refusal that the document does not explain."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from falcon import testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from services.service_registry import SERVICES
from shared.eventsourcing.audit import audit
from shared.web.operation import operation_of
from tests.integration.web.management import BOOTSTRAP, Management, management

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
LEFT_MIN = 10
SHORT = 8  # as the beginning of a refusal it says nothing
# Of these problems the name alone tells nothing.
WITH_WORDS = {"invalid-body", "invalid-request"}
ROUTES = [route for name in ("keys", "usage") for route in SERVICES[name].assembly.documented_routes()]
OPERATIONS = [
    (method, path)
    for path, resource in ROUTES
    for method in ("get", "post", "patch", "delete")
    if operation_of(resource, method) is not None
]


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Management]:
    folder: Path = tmp_path_factory.mktemp("any")
    api = management(folder)
    yield api
    assert audit(api.keys.store).findings == ()
    api.close()


@pytest.fixture(scope="module")
def schema(managed: Management) -> BaseSchema:
    return schemathesis.openapi.from_wsgi("/openapi.json", managed.client.app)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_any_request_has_a_documented_answer(managed: Management, schema: BaseSchema, method: str, path: str) -> None:
    managed.usage.subscription.pull()
    told = _told(schema.raw_schema, path, method)

    @given(case=schema[path][method].as_strategy(generation_mode=GenerationMode.POSITIVE), is_known=st.booleans())
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    def answers(case: Case[Any], is_known: bool) -> None:
        if "key_id" in case.path_parameters and is_known:
            case.path_parameters["key_id"] = _some_key(managed)
        for name, collection in (("rule_id", "alert-rules"), ("channel_id", "channels"), ("delivery_id", "deliveries")):
            if name in case.path_parameters and is_known and (known := _first_of(managed, collection)):
                case.path_parameters[name] = known
        headers = {"Authorization": f"Bearer {_admin(managed)}", "Accept-Encoding": "identity"}
        answer = case.call_and_validate(headers=headers, checks=CHECKS)
        if answer.status_code >= 400:
            assert _unexplained(answer.json(), told) == [], f"{case.query} {case.body!r}"

    answers()


@dataclass
class Told:
    """What the document says of an operation. `sentences`: of it, its parameters and its body."""

    problems: set[str]
    sentences: set[str]


def _told(document: dict[str, Any], path: str, method: str) -> Told:
    operation = document["paths"][path][method]
    asked = {name: operation.get(name) for name in ("description", "parameters", "requestBody")}
    texts = _descriptions(asked, document)
    answers = (_resolved(answer, document) for status, answer in operation["responses"].items() if status >= "400")
    problems = {name for answer in answers for name in answer["content"]["application/problem+json"]["examples"]}
    return Told(
        problems, {sentence for text in texts for sentence in re.split(r"; |: |\. ", text) if len(sentence) > SHORT}
    )


def _descriptions(part: Any, document: dict[str, Any]) -> Iterator[str]:
    if isinstance(part, dict):
        part = _resolved(part, document)
        if isinstance(part.get("description"), str):
            yield part["description"]
        part = list(part.values())
    for inner in part if isinstance(part, list) else ():
        yield from _descriptions(inner, document)


def _resolved(part: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    whole: Any = document
    for step in part["$ref"].removeprefix("#/").split("/"):
        whole = whole[step]
    resolved: dict[str, Any] = whole
    return resolved


def _unexplained(problem: dict[str, Any], told: Told) -> list[str]:
    """A refusal is explained by a problem that says by itself what is wrong, or by its words in the document."""
    name = problem["type"].rpartition("/")[2].rpartition("#")[2]
    if name not in told.problems:
        return [name]
    if name not in WITH_WORDS:
        return []
    words = [text for texts in problem.get("errors", {}).values() for text in texts]
    words = words or [part.partition(": ")[2] for part in re.split(r"; (?=[\w/-]+: )", problem["detail"])]
    return [text for text in words if not any(text.startswith(sentence) for sentence in told.sentences)]


def _first_of(api: Management, collection: str) -> str | None:
    answer = api.ask("GET", f"/v1/{collection}", params={"limit": "1"}, key=_admin(api))
    return next((item["id"] for item in answer.json["data"]), None)


def _admin(api: Management) -> str:
    """Anew where a request before has ended it or used its limit up, nearly: more than one is made with it."""
    asked = api.ask("GET", "/v1/keys/self")
    if asked.status_code != 200 or _left(asked) < LEFT_MIN:
        request = KeyRequest(description=Description(name="admin"), permissions=("admin",))
        api.admin = api.keys.commands.create(api.organisation_id, request, BOOTSTRAP, beyond_limit=True).secret.value
    return api.admin


def _left(answer: testing.Result) -> int:
    """Requests of the minute."""
    left = re.search(r"r=(\d+)", answer.headers["RateLimit"])
    assert left
    return int(left[1])


def _some_key(api: Management) -> str:
    request = KeyRequest(description=Description(name="key"), permissions=("sensors:read",))
    return api.keys.commands.create(api.organisation_id, request, BOOTSTRAP, beyond_limit=True).key_id
