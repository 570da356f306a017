"""Whatever fits /openapi.json or nearly so: never a fault of ours, never an answer that the document does not have."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from falcon import testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error
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


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_any_request_has_a_documented_answer(managed: Management, method: str, path: str) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", managed.client.app)
    managed.usage.subscription.pull()

    @given(case=schema[path][method].as_strategy(), is_known=st.booleans())
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    def answers(case: Case[Any], is_known: bool) -> None:
        if "key_id" in case.path_parameters and is_known:
            case.path_parameters["key_id"] = _some_key(managed)
        for name, collection in (("rule_id", "alert-rules"), ("channel_id", "channels"), ("delivery_id", "deliveries")):
            if name in case.path_parameters and is_known and (known := _first_of(managed, collection)):
                case.path_parameters[name] = known
        headers = {"Authorization": f"Bearer {_admin(managed)}", "Accept-Encoding": "identity"}
        case.call_and_validate(headers=headers, checks=CHECKS)

    answers()


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
