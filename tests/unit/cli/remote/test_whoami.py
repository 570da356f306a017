"""`grillo whoami`: whose key the environment has."""

import json

import httpx
import pytest
from typer.testing import CliRunner

from services.cli.application import application
from services.cli.remote import whoami
from services.cli.remote.client import Client


def test_it_shows_the_calling_key_to_people_and_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    own, asked = {"id": "key_1", "name": "Railway", "permissions": ["sensors:read"]}, list[httpx.URL]()

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(200, json=own, headers={"X-Request-Id": "req_1"})

    monkeypatch.setenv("GRILLO_API_KEY", "grl_x")
    monkeypatch.setattr(whoami, "Client", lambda: Client(httpx.MockTransport(reply)))
    assert "Railway" in CliRunner().invoke(application(), ["whoami"]).stdout
    assert json.loads(CliRunner().invoke(application(), ["whoami", "--json"]).stdout) == own
    assert {url.path for url in asked} == {"/v1/keys/self"}
