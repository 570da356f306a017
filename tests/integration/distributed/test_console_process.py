"""What the console's own process serves: pages, its health and its metrics, and nothing of the API."""

from pathlib import Path

import pytest
from falcon import testing

from services.distributed import keys
from shared.settings import read_settings


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> testing.TestClient:
    for name, value in {
        "DATABASE_URL": f"sqlite:///{tmp_path}/keys.db",
        "AMQP_URI": "amqp://keys:hunter2@127.0.0.1:1/grillo",
        "INTERNAL_TOKEN": "hunter2",
        "GRILLO_PUBLIC_URL": "https://grillo.example/",
    }.items():
        monkeypatch.setenv(name, value)
    return testing.TestClient(keys.console(read_settings()))


def test_it_serves_pages_and_its_health_and_no_api(client: testing.TestClient) -> None:
    assert client.simulate_get("/readyz").status_code == 200
    assert client.simulate_get("/").status_code == 200
    assert client.simulate_get("/console/keys").headers["location"] == "/console/sign-in"
    assert client.simulate_get("/v1/keys").status_code == 404
    assert "max-age" in client.simulate_get("/docs").headers["strict-transport-security"]


def test_who_may_ask_internal_doors_for_metrics_sees_the_receipts_of_its_commands(client: testing.TestClient) -> None:
    assert client.simulate_get("/metrics").status_code == 401
    assert client.simulate_get("/metrics", headers={"Authorization": "Bearer sister"}).status_code == 401
    told = client.simulate_get("/metrics", headers={"Authorization": "Bearer hunter2"}).text
    assert "grillo_receipt_seconds_count" in told
    assert "grillo_build_info{" in told
    assert client.simulate_get("/internal/feed", headers={"Authorization": "Bearer hunter2"}).status_code == 404
