"""Operators on the host, beside a running system: read models made again, a tier changed at the running gate."""

import pytest

from tests.against_the_log import Log
from tests.e2e.running import Distributed, Embedded, eventually, grillo


@pytest.mark.xdist_group("embedded")
def test_read_models_are_made_again_while_they_are_used(embedded: Embedded) -> None:
    key_id, secret = embedded.create_key("sensors:read", name="Rebuilt")
    with embedded.admin() as admin, embedded.client(secret) as reader:
        before = admin.get(f"/v1/keys/{key_id}").json()
        for service in ("keys", "auth", "usage"):
            done = grillo("rebuild", service, "--data", str(embedded.data))
            assert done.returncode == 0, done.stderr
            assert f"{service}: rebuilt " in done.stdout
            assert "differed" not in done.stdout
        assert admin.get(f"/v1/keys/{key_id}").json() == before
        assert reader.get("/v1/sensors").status_code == 200
        assert admin.post(f"/v1/keys/{key_id}/revoke").json()["receipt"]["propagated"]
        assert reader.get("/v1/sensors").status_code == 401
    assert grillo("rebuild", "sensors").returncode == 2
    assert grillo("rebuild", "keys", "--data", "/nowhere").returncode == 1


@pytest.mark.xdist_group("distributed")
def test_read_models_on_postgresql_are_made_again_beside_the_running_services(distributed: Distributed) -> None:
    key_id, secret = distributed.create_key("sensors:read", name="Rebuilt")
    log = Log(distributed.stack.databases())
    with distributed.admin() as admin, distributed.client(secret) as reader:
        before = admin.get(f"/v1/keys/{key_id}").json()
        for service in ("keys", "auth", "usage"):
            done = distributed.stack.grillo(service, "rebuild", service)
            assert done.returncode == 0, done.stderr
            assert "differed" not in done.stdout
        assert admin.get(f"/v1/keys/{key_id}").json() == before
        eventually(log.behind, lambda behind: behind == [], seconds=30)
        assert admin.post(f"/v1/keys/{key_id}/revoke").json()["receipt"]["propagated"]
        assert reader.get("/v1/sensors").status_code == 401
    log.close()


@pytest.mark.xdist_group("embedded")
def test_a_tier_set_on_the_host_reaches_the_running_gate(embedded: Embedded) -> None:
    def policy() -> str:
        with embedded.admin() as admin:
            return admin.get("/v1/organisation").headers["RateLimit-Policy"]

    for tier, limit in (("premium", "1000"), ("standard", "300")):
        done = grillo("organisation", "set-tier", embedded.organisation, tier, "--data", str(embedded.data))
        assert done.returncode == 0, done.stderr
        eventually(policy, lambda shown, limit=limit: f"q={limit};" in shown)  # type: ignore[misc]  # bound now
    wrong = grillo("organisation", "set-tier", embedded.organisation, "gold", "--data", str(embedded.data))
    assert (wrong.returncode, "'gold' is not a tier" in wrong.stderr) == (1, True)


@pytest.mark.xdist_group("embedded")
def test_an_expiry_is_written_down_by_the_running_service(embedded: Embedded) -> None:
    with embedded.admin() as admin:
        body = {"name": "Short", "permissions": ["sensors:read"], "expires_in": 1}
        key_id = admin.post("/v1/keys", json=body).json()["id"]
        expired = eventually(lambda: admin.get(f"/v1/keys/{key_id}").json(), lambda key: key["revision"] == 2)
    assert (expired["status"], expired["expired_at"]) == ("expired", expired["expires_at"])
