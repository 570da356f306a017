"""The main job, over HTTP only: a key is made, reads, is refused what it may not, is revoked, and is counted."""

import httpx

from tests import local_http
from tests.e2e.running import System, eventually


def test_a_new_key_reads_real_recordings_and_is_refused_right_after_its_revocation(system: System) -> None:
    with system.admin() as admin:
        created = admin.post("/v1/keys", json={"name": "Railway", "permissions": ["sensors:read"]})
        assert created.status_code == 201
        assert created.headers["Cache-Control"] == "no-store"
        key_id, secret = created.json()["id"], created.json()["key"]
        with system.client(secret) as reader:
            _reads_recordings(reader)
            assert reader.get("/v1/events").json()["type"].endswith("/problems/insufficient-permission")
            revoked = admin.post(f"/v1/keys/{key_id}/revoke", json={"reason": "superseded"})
            receipt = revoked.json()["receipt"]
            assert receipt["propagated"]
            assert [gate for gate in receipt["gates"] if "applied_ms" in gate]
            refused = reader.get("/v1/sensors")
            assert refused.status_code == 401
            assert refused.json()["type"].endswith("/problems/key-revoked")
        _is_counted(admin, key_id)


def test_without_a_key_the_challenge_has_no_error_code(system: System) -> None:
    with system.client() as nobody:
        answer = nobody.get("/v1/sensors")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="grillo"'


def test_the_key_may_come_in_the_query(system: System) -> None:
    _, secret = system.create_key("sensors:read")
    with system.client() as client:
        answer = client.get("/v1/sensors", params={"api_key": secret})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_a_sensor_outside_the_organisation_is_forbidden_whether_or_not_it_exists(system: System) -> None:
    with system.admin() as admin:
        answer = admin.get("/v1/sensors/sen_0000000000000000000000")
    assert answer.status_code == 403
    assert answer.json()["type"].endswith("/problems/outside-organisation")


def test_operators_find_metrics_on_the_internal_door_only(system: System) -> None:
    assert "grillo_requests_total" in system.metrics()
    assert local_http.get(f"{system.url}/metrics").status_code == 404
    assert local_http.get(f"{system.url}/internal/feed").status_code == 404
    assert local_http.get(f"{system.url}/readyz").status_code == 200


def _reads_recordings(reader: httpx.Client) -> None:
    listed = reader.get("/v1/sensors").json()["data"]
    stations = {sensor["station_code"]: sensor for sensor in listed}
    assert {"UH1", "UH2", "UH3", "UH4"} <= stations.keys()
    sensor_id = stations["UH3"]["id"]
    assert reader.get(f"/v1/sensors/{sensor_id}").json()["data"].items() >= stations["UH3"].items()
    data = reader.get(
        f"/v1/sensors/{sensor_id}/data",
        params={"start": "2010-05-27T16:24:00Z", "end": "2010-05-27T16:25:00Z", "channel": "SHZ"},
    ).json()["data"]
    assert data["unit"] == "counts"
    (segment,) = data["segments"]
    assert segment["sample_rate"] == 50.0
    assert len(segment["samples"]) > 2000
    assert all(isinstance(sample, int) for sample in segment["samples"])


def _is_counted(admin: httpx.Client, key_id: str) -> None:
    def usage() -> dict[str, object]:
        used: dict[str, object] = admin.get(f"/v1/keys/{key_id}/usage").json()
        return used

    used = eventually(usage, lambda used: used["total"] == 5)
    assert used["routes"] == {
        "/v1/sensors": 2,
        "/v1/sensors/{sensor_id}": 1,
        "/v1/sensors/{sensor_id}/data": 1,
        "/v1/events": 1,
    }
    # How many of them are of this minute and this day, is told where the clock stands still.
    for window, limit in (("minute", 300), ("day", 100_000)):
        spent = used["quota"][window]  # type: ignore[index]  # an object
        assert (spent["used"] + spent["left"], spent["used"] <= 3) == (limit, True)

    def last_used() -> str | None:
        shown: str | None = admin.get(f"/v1/keys/{key_id}").json()["last_used_at"]
        return shown

    eventually(last_used, lambda moment: moment is not None)
