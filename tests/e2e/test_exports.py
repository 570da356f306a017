"""An export on a running system: asked for, made in the background, downloaded in parts; its key revoked."""

import hashlib
import io
import tarfile
from typing import Any

import httpx

from tests.e2e.running import System, eventually
from tests.receivers import receiver, status


def test_an_export_is_made_in_the_background_and_a_revoked_key_has_no_more_of_it(system: System) -> None:
    key_id, secret = system.create_key("sensors:read", name="Exports")
    with receiver(status(204)) as hook, system.client(secret) as client, system.admin() as admin:
        body = {"kind": "webhook", "url": hook.url(), "events": ["ExportReady", "ExportFailed"]}
        channel = admin.post("/v1/channels", json=body).raise_for_status().json()["id"]
        sensors = client.get("/v1/sensors").raise_for_status().json()["data"]
        sensor_ids = [sensor["id"] for sensor in sensors]
        export = _asked(client, sensor_ids, "2010-01-01", "2011-01-01")
        ready = eventually(lambda: _told(client, export), lambda told: told["status"] in ("ready", "failed"))
        assert (ready["status"], ready["percent"]) == ("ready", 100), ready
        content = client.get(ready["file"]).raise_for_status().content
        assert (len(content), hashlib.sha256(content).hexdigest()) == (ready["bytes"], ready["sha256"])
        part = client.get(ready["file"], headers={"Range": "bytes=512-1023"})
        assert (part.status_code, part.content) == (206, content[512:1024])
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            assert "2010/BW/UH1/SHZ.D/BW.UH1..SHZ.D.2010.147" in tar.getnames()
        waiting = _asked(client, sensor_ids, "2010-01-01", "2011-01-01")
        admin.post(f"/v1/keys/{key_id}/revoke").raise_for_status()
        assert client.get(ready["file"]).status_code == httpx.codes.UNAUTHORIZED
        stopped = eventually(lambda: _told(admin, waiting), lambda told: told["status"] in ("ready", "failed"))
        assert (stopped["status"], stopped["fault"]) == ("failed", "key-revoked")
        wanted = {(export, "ExportReady"), (waiting, "ExportFailed")}
        eventually(lambda: _told_of(admin, channel), lambda told: told == wanted)
        admin.delete(f"/v1/channels/{channel}")


def _asked(client: httpx.Client, sensor_ids: list[str], start: str, end: str) -> str:
    body = {"sensor_ids": sensor_ids, "start": start, "end": end, "format": "sds"}
    answer = client.post("/v1/exports", json=body)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return str(answer.json()["data"]["id"])


def _told(client: httpx.Client, export_id: str) -> Any:
    return client.get(f"/v1/exports/{export_id}").raise_for_status().json()["data"]


def _told_of(admin: httpx.Client, channel: str) -> set[tuple[str, str]]:
    """Which exports the channel's messages are about, and which types they have."""
    found = admin.get("/v1/deliveries", params={"channel_id": channel}).raise_for_status().json()["data"]
    return {(one["payload"]["data"]["export_id"], one["type"]) for one in found}
