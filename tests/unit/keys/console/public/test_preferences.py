"""Preferences: what is kept in which cookie, where they lead, and which forms are refused."""

from typing import Any
from urllib.parse import urlencode

import falcon
import pytest
from falcon.testing import TestClient

from services.keys.console.public.preferences import Preferences
from shared.web.problems.catalogue import Problem

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


def told(req: falcon.Request, resp: falcon.Response, problem: Problem, params: dict[str, Any]) -> None:
    resp.text = problem.type.name


@pytest.fixture
def client() -> TestClient:
    app = falcon.App()
    app.add_error_handler(Problem, told)
    app.add_route("/console/preferences", Preferences("https://grillo.test"))
    return TestClient(app)


@pytest.mark.parametrize("back", ["//evil.test", "https://evil.test", "/\\evil.test", "/a\r\nX: y", "", "console"])
def test_preferences_lead_back_to_our_own_pages_only(client: TestClient, back: str) -> None:
    answer = client.simulate_post(
        "/console/preferences",
        body=urlencode({"theme": "dark", "back": back}),
        headers=FORM,
    )
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize(
    ("body", "headers", "problem"),
    [
        ("[]", JSON, "unsupported-media-type"),
        ("[" * 100_000, JSON, "unsupported-media-type"),
        ('{"theme": {"dark": 1}}', JSON, "unsupported-media-type"),
        ("theme=" + "x" * 8_000_000, FORM, "body-too-large"),
        ("theme=dark&" * 300, FORM, "invalid-request"),
        ("theme=dark", FORM | {"Sec-Fetch-Site": "cross-site"}, "invalid-request"),
        ("theme=dark", FORM | {"Origin": "https://evil.test"}, "invalid-request"),
    ],
    ids=["list", "deep", "nested", "8-mb", "many-fields", "another-site", "another-origin"],
)
def test_preferences_that_are_no_form_of_ours_are_a_problem(
    client: TestClient, body: str, headers: dict[str, str], problem: str
) -> None:
    answer = client.simulate_post("/console/preferences", body=body, headers=headers)
    assert answer.text == problem
    assert answer.cookies == {}


@pytest.mark.parametrize(
    ("body", "kept"), [("theme=dark&theme=light", "dark"), ("theme=x", "system"), ("theme=", "system"), ("", None)]
)
def test_a_theme_is_the_first_that_was_named(client: TestClient, body: str, kept: str | None) -> None:
    answer = client.simulate_post("/console/preferences", body=body, headers=FORM)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = answer.cookies.get("grillo_theme")
    assert (cookie and cookie.value) == kept
