"""`grillo up` on a disk that fills: reads go on, a key can still be ended, the log stays small, and it comes back."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.running import Embedded, eventually, grillo
from tests.faults.logged import little_is_logged
from tests.shims.small_disk import SmallDisk, small_disk

pytestmark = [
    pytest.mark.xdist_group("embedded"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk"),
]
MIB = 2**20
BACK_SECONDS_MAX = 30
# Below the room for others; below what SQLite itself needs for a page or two more; of files (inodes).
LITTLE = [{"free_bytes": 60 * MIB}, {"free_bytes": 5 * MIB}, {"files": 200}]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 256) as made:
        yield made


@pytest.fixture
def running(disk: SmallDisk, tmp_path: Path) -> Iterator[Embedded]:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "data").symlink_to(disk.path)  # its errors go beside the link, to another disk
    with Embedded(tmp_path / "logs" / "data") as embedded:
        yield embedded


@pytest.mark.parametrize("left", [*LITTLE, {"files": 0}], ids=str)
def test_a_key_is_ended_with_its_receipt_while_nothing_else_is_written(
    disk: SmallDisk, running: Embedded, left: dict[str, int]
) -> None:
    ids = [running.create_key("sensors:read") for _ in range(3)]
    with little_is_logged(running.errors), running.admin() as admin, running.client(ids[0][1]) as reader:
        disk.leave(**left)
        eventually(lambda: admin.get("/readyz").json(), lambda told: told["writing"] is False)
        assert admin.get("/readyz").status_code == 200
        refused = admin.post("/v1/keys", json={"name": "One more", "permissions": ["sensors:read"]})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
        for _ in range(200):
            assert reader.get("/v1/sensors?limit=1").status_code == 200
        _ends(admin, reader, f"/v1/keys/{ids[0][0]}/revoke")
        with running.client(ids[1][1]) as another:
            _ends(admin, another, f"/v1/keys/{ids[1][0]}/suspend")
        disk.relieve()
        made = eventually(
            lambda: admin.post("/v1/keys", json={"name": "One more", "permissions": ["sensors:read"]}),
            lambda answer: answer.status_code == 201,
            seconds=BACK_SECONDS_MAX,
        )
        assert admin.get("/readyz").json()["writing"] is True
        with running.client(made.json()["key"]) as fresh:
            assert fresh.get("/v1/sensors?limit=1").status_code == 200
    running.stop()
    verified = grillo("audit", "verify", "--data", str(running.data))
    assert verified.returncode == 0, verified.stdout


@pytest.mark.parametrize("left", LITTLE, ids=str)
def test_a_server_that_is_started_on_a_disk_with_little_left_ends_keys_as_before(
    disk: SmallDisk, running: Embedded, left: dict[str, int]
) -> None:
    key_id, secret = running.create_key("sensors:read")
    running.stop()
    disk.leave(**left)
    with (
        Embedded(running.data, admin_key=running.admin_key) as started,
        started.admin() as admin,
        started.client(secret) as reader,
    ):
        assert admin.get("/readyz").json()["writing"] is False
        assert reader.get("/v1/sensors?limit=1").status_code == 200
        _ends(admin, reader, f"/v1/keys/{key_id}/revoke")


@pytest.mark.parametrize("left", [{"free_bytes": 0}, {"files": 0}], ids=str)
def test_a_start_on_a_disk_without_any_room_says_so_in_a_line_and_succeeds_once_there_is_some(
    disk: SmallDisk, running: Embedded, left: dict[str, int]
) -> None:
    _, secret = running.create_key("sensors:read")
    running.stop()
    disk.leave(**left)
    said = grillo("up", "--port", "0", "--data", str(running.data), "--json")
    assert (said.returncode, said.stdout, said.stderr.count("\n")) == (1, "", 1), said.stderr
    assert "room" in said.stderr or "on the disk" in said.stderr
    disk.relieve()
    with Embedded(running.data, admin_key=running.admin_key) as started, started.client(secret) as reader:
        assert reader.get("/v1/sensors?limit=1").status_code == 200


def test_all_is_counted_that_was_answered_once_there_is_room_again(disk: SmallDisk, running: Embedded) -> None:
    key_id, secret = running.create_key("sensors:read")
    disk.leave(60 * MIB)
    with running.admin() as admin, running.client(secret) as reader:
        for _ in range(250):
            assert reader.get("/v1/sensors?limit=1").status_code == 200
        disk.relieve()
        eventually(
            lambda: admin.get(f"/v1/keys/{key_id}/usage").json()["total"],
            lambda total: total == 250,
            seconds=BACK_SECONDS_MAX,
        )


def _ends(admin: httpx.Client, ended: httpx.Client, path: str) -> None:
    answer = admin.post(path, json={})
    assert answer.status_code == 200, answer.text
    assert answer.json()["receipt"]["propagated"], answer.text
    assert ended.get("/v1/sensors?limit=1").status_code in (401, 403)
