"""/openapi.json is a valid document of every operation there is, and says nothing that is not so."""

import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from services.service_registry import documented_routes
from shared.web.openapi.document import document as document_of
from shared.web.operation import operation_of
from shared.web.problems.catalogue import CATALOGUE
from tests.integration.web.management import Management
from tests.integration.web.tiny import PUBLIC_URL, Tiny

COMPILE = "for (const p of JSON.parse(require('fs').readFileSync(0))) new RegExp(p, 'u')"
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(params=["tiny", "management"])
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    if request.param == "tiny":
        app: Tiny = request.getfixturevalue("app")
        answer = app.client.simulate_get("/openapi.json")
    else:
        api: Management = request.getfixturevalue("api")
        answer = api.client.simulate_get("/openapi.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    body: dict[str, Any] = answer.json
    return body


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, item[method]) for path, item in document["paths"].items() for method in item if method in METHODS
    ]


def references(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"]} if "$ref" in part else set()
        return own.union(*map(references, part.values()))
    return set().union(*map(references, part)) if isinstance(part, list) else set()


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(document)


def test_every_reference_leads_somewhere_and_every_operation_has_one_name(document: dict[str, Any]) -> None:
    for reference in references(document):
        part: Any = document
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": PUBLIC_URL}]


def test_every_operation_says_what_it_takes_and_how_it_can_fail(document: dict[str, Any]) -> None:
    assert operations(document)
    for path, method, operation in operations(document):
        answers = operation["responses"]
        assert {"401", "403", "429", "503"} <= answers.keys(), (path, method)
        assert any(status.startswith("2") for status in answers)
        assert ("requestBody" in operation) == (method in ("post", "put", "patch"))
        for status, answer in answers.items():
            whole = (
                answer if "$ref" not in answer else document["components"]["responses"][answer["$ref"].split("/")[-1]]
            )
            assert status < "400" or "application/problem+json" in whole["content"]
            assert {"X-Request-Id", "RateLimit", "X-RateLimit-Remaining"} <= whole["headers"].keys()
        described = {parameter["name"] for parameter in document["paths"][path].get("parameters", [])}
        assert described == set(re.findall(r"{(\w+)}", path))


def test_the_query_is_described_under_the_names_that_are_sent(app: Tiny) -> None:
    listing = app.client.simulate_get("/openapi.json").json["paths"]["/v1/things"]["get"]
    assert {parameter["name"] for parameter in listing["parameters"]} == {
        "limit",
        "network_id",
        "from",
        "If-None-Match",
    }


def test_every_public_route_is_in_the_document_with_its_permission(api: Management) -> None:
    paths = api.client.simulate_get("/openapi.json").json["paths"]
    declared = {
        (path, method): operation
        for path, resource in api.routes
        for method in METHODS
        if (operation := operation_of(resource, method)) is not None
    }
    assert declared.keys() == {(path, method) for path, item in paths.items() for method in METHODS & item.keys()}
    for (path, method), operation in declared.items():
        needed = f"`{operation.permission}`" if operation.permission else "any key"
        assert needed in paths[path][method]["description"]


def test_what_an_operation_may_answer_is_a_problem_of_the_catalogue(api: Management) -> None:
    for _, resource in api.routes:
        for method in METHODS:
            operation = operation_of(resource, method)
            assert operation is None or set(operation.problems) <= CATALOGUE.keys()


def test_every_problem_of_a_status_is_told_with_an_example(api: Management) -> None:
    document = api.client.simulate_get("/openapi.json").json
    for path, resource in api.routes:
        for method in METHODS:
            operation = operation_of(resource, method)
            for name in () if operation is None else (*operation.problems, "key-suspended", "address-not-allowed"):
                answer = document["paths"][path][method]["responses"][str(CATALOGUE[name].status)]
                shared = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
                assert name in shared["content"]["application/problem+json"]["examples"]
                assert f"`{name}`" in shared["description"]
                assert document["components"]["examples"][name]["value"]["error"]["message"]


def test_a_client_sends_the_key_once(document: dict[str, Any]) -> None:
    """A second scheme makes some generated clients send it in the URL, too, which is refused."""
    assert document["security"] == [{"bearer": []}]
    assert document["components"]["securitySchemes"].keys() == {"bearer"}
    assert "`api_key`" in document["info"]["description"]


def test_bodies_that_may_be_empty_are_not_demanded_and_objects_are_counted_in_members(api: Management) -> None:
    document = api.client.simulate_get("/openapi.json").json
    demanded = {
        path: operation["requestBody"]["required"]
        for path, method, operation in operations(document)
        if method == "post"
    }
    assert demanded["/v1/keys"]
    assert demanded["/v1/keys/revoke"]
    assert not demanded["/v1/keys/{key_id}/rotate"]
    labels = document["components"]["schemas"]["CreateKey"]["properties"]["labels"]
    assert labels["maxProperties"] == 10
    assert "maxLength" not in labels
    (limit,) = (it for it in document["paths"]["/v1/keys"]["get"]["parameters"] if it["name"] == "limit")
    assert limit["schema"]["default"] == 20


def test_what_this_api_sends_is_told_beside_what_it_takes(api: Management) -> None:
    document = api.client.simulate_get("/openapi.json").json
    assert {"AlertRaised", "KeyRevoked", "ChannelTested"} <= document["webhooks"].keys()
    assert "$ref" in document["webhooks"]["KeyRevoked"]["post"]["requestBody"]["content"]["application/json"]["schema"]


def patterns(part: Any) -> list[str]:
    if isinstance(part, list):
        return [pattern for item in part for pattern in patterns(item)]
    if not isinstance(part, dict):
        return []
    own = [part["pattern"]] if isinstance(part.get("pattern"), str) else []
    return own + [pattern for item in part.values() for pattern in patterns(item)]


def test_every_pattern_of_the_whole_document_compiles_in_ecma_script() -> None:
    node = shutil.which("node")
    assert node, "node is missing: tests/install-servers installs it"
    found = patterns(document_of(documented_routes(), PUBLIC_URL))
    assert found
    subprocess.run([node, "-e", COMPILE], input=json.dumps(found), text=True, check=True)
