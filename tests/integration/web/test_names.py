"""Names that people give are kept in NFC, and refused with what cannot be seen or turns the direction of writing."""

from typing import Any

import pytest

from tests.integration.web.asking import problem
from tests.integration.web.management import Management

URL = "https://hooks.example.org/grillo"
# Operations whose body has a name that people give → what else such a body needs.
NAMED: dict[tuple[str, str], dict[str, Any]] = {
    ("post", "/v1/keys"): {"permissions": ["sensors:read"]},
    ("patch", "/v1/keys/{key_id}"): {},
    ("post", "/v1/channels"): {"kind": "webhook", "url": URL},
    ("patch", "/v1/channels/{channel_id}"): {},
}
UNFIT = {"invisible": "Line\u200b4", "turned": "Line \u202e4", "isolated": "\u2067Line 4", "mark": "\ufeffLine 4"}


@pytest.fixture
def document(api: Management) -> Any:
    return api.client.simulate_get("/openapi.json").json


def path_of(api: Management, route: str) -> str:
    key_id = api.create()["id"]
    channel_id = api.ask("POST", "/v1/channels", json={"kind": "webhook", "url": URL}).json["id"]
    return route.format(key_id=key_id, channel_id=channel_id)


def test_every_body_with_a_name_is_here(document: Any) -> None:
    found = set()
    for path, item in document["paths"].items():
        for method in item.keys() & {"post", "put", "patch"}:
            schema = item[method]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            name = document["components"]["schemas"][schema.split("/")[-1]].get("properties", {}).get("name", {})
            if name and not name.get("readOnly"):
                found.add((method, path))
    assert found == NAMED.keys()


@pytest.mark.parametrize(("method", "route"), NAMED)
def test_a_name_is_refused_if_it_holds_what_cannot_be_seen(api: Management, method: str, route: str) -> None:
    path = path_of(api, route)
    for name in UNFIT.values():
        answer = api.ask(method.upper(), path, json=NAMED[method, route] | {"name": name})
        assert list(problem(answer, 422, "invalid-body")["errors"]) == ["/name"], ascii(name)


@pytest.mark.parametrize(("method", "route"), NAMED)
def test_a_name_is_kept_composed_and_without_space_around_it(api: Management, method: str, route: str) -> None:
    answer = api.ask(method.upper(), path_of(api, route), json=NAMED[method, route] | {"name": " Zu\u0308rich "})
    assert answer.json["name"] == "Z\u00fcrich"


def test_a_rule_s_label_is_kept_as_the_labels_of_keys_are(api: Management) -> None:
    """Else the rule is about no key."""
    body = {"kind": "quota", "label": "site:Zu\u0308rich"}
    assert api.ask("POST", "/v1/alert-rules", json=body).json["label"] == "site:Z\u00fcrich"
    for value in UNFIT.values():
        answer = api.ask("POST", "/v1/alert-rules", json=body | {"label": f"site:{value}"})
        assert list(problem(answer, 422, "invalid-body")["errors"]) == ["/label"], ascii(value)
