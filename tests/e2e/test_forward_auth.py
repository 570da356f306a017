"""/v1/authorize where it is served: for proxies of ours, and for nobody else."""

from pathlib import Path

import pytest

from tests import local_http
from tests.e2e.running import Distributed, Embedded, System, eventually

ORIGINAL = {"X-Original-Method": "PUT", "X-Original-URI": "/tiles/7", "X-Forwarded-For": "198.51.100.9"}
QUESTION = {"permission": "events:read"}


def test_through_the_public_address_nobody_asks_about_others(system: System) -> None:
    _, secret = system.create_key("events:read")
    with system.client(secret) as client:
        answer = client.get("/v1/authorize", params=QUESTION, headers=ORIGINAL)
        assert (answer.status_code, answer.json()["instance"]) == (400, "/v1/authorize")
        assert "/v1/authorize" in client.get("/openapi.json").json()["paths"]


def test_embedded_a_proxy_of_ours_asks_usage_has_the_original_and_no_file_has_the_key(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "127.0.0.1")
    with Embedded(data) as running:
        _asks(running, running.url)
        _, secret = running.create_key("events:read")
        with running.client() as proxy:
            for uri, status in (
                (f"/tiles?api_key={secret}", 200),
                (f"/{secret}", 400),
                (f"/?b=%67rl_{secret[4:]}", 400),
            ):
                answer = proxy.get("/v1/authorize", params=QUESTION, headers=ORIGINAL | {"X-Original-URI": uri})
                assert (answer.status_code, secret in f"{answer.text} {answer.headers}") == (status, False)
        files = [file for file in data.rglob("*") if file.is_file()]
        assert any(file.suffix == ".segment" for file in files)
        assert [file.name for file in files if secret[4:40].encode() in file.read_bytes()] == []
        assert secret[4:40] not in running.errors()


def test_apart_the_auth_service_answers_a_proxy_of_ours(distributed: Distributed) -> None:
    _asks(distributed, distributed.stack.public_url("auth"))


def _asks(system: System, auth_url: str) -> None:
    key_id, secret = system.create_key("events:read")
    headers = ORIGINAL | {"Authorization": f"Bearer {secret}"}
    answer = local_http.request("PROPFIND", f"{auth_url}/v1/authorize", params=QUESTION, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Grillo-Key-Id"] == key_id
    assert answer.headers["X-Grillo-Organisation"] == system.organisation
    with system.admin() as admin:
        routes = eventually(lambda: admin.get(f"/v1/keys/{key_id}/usage").json()["routes"], bool)
    assert routes == {"/tiles/7": 1}
