"""The database of keys put back in a data folder: it is not started until `grillo restore accept`, one step."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import Embedded, eventually, grillo

pytestmark = pytest.mark.timeout(300)


def test_a_folder_with_a_database_put_back_starts_once_that_is_accepted(data: Path) -> None:
    with Embedded(data) as first:
        organisation_key = first.admin_key
        stolen, renewed, kept = (first.create_key("events:read", name=name) for name in ("stolen", "renewed", "kept"))
    dump = _copy(data)
    with Embedded(data, admin_key=organisation_key) as second, second.admin() as admin:
        admin.post(f"/v1/keys/{stolen[0]}/revoke", json={"reason": "key-compromise"}).raise_for_status()
        admin.post(f"/v1/keys/{renewed[0]}/rotate").raise_for_status()
        eventually(lambda: _kept(data), lambda position: position == _head(data))
    _put_back(data, dump)

    started = grillo("up", "--port", "0", "--data", str(data), "--json")
    assert (started.returncode, started.stderr.count("\n")) == (1, 1)
    assert "grillo restore accept" in started.stderr
    looked = _accept(data)
    assert (looked["accepted"], looked["revoked"], looked["suspended"]) == (False, [stolen[0]], [renewed[0]])
    assert looked["lost"]["positions"] == 2
    assert grillo("up", "--port", "0", "--data", str(data), "--json").returncode == 1
    done = _accept(data, "--yes")
    assert (done["accepted"], done["revoked"]) == (True, [stolen[0]])

    with Embedded(data, admin_key=organisation_key) as third, third.client() as client:
        told = [client.get("/v1/events", headers={"Authorization": f"Bearer {key[1]}"}) for key in (stolen, renewed)]
        assert [answer.status_code for answer in told] == [401, 401]
        assert client.get("/v1/events", headers={"Authorization": f"Bearer {kept[1]}"}).status_code == 200
        with third.admin() as admin:
            assert admin.get(f"/v1/keys/{renewed[0]}").json()["status"] == "suspended"
            admin.post("/v1/keys", json={"name": "New", "permissions": ["events:read"]}).raise_for_status()

    audited = grillo("audit", "verify", "--data", str(data))
    assert audited.returncode == 0, audited.stdout
    assert "by grillo restore: the disk was lost" in audited.stdout
    again = grillo("restore", "accept", "--reason", "again", "--data", str(data), "--yes")
    assert (again.returncode, "nothing was put back" in again.stderr) == (1, True)


def _copy(data: Path) -> Path:
    return Path(shutil.copy(data / "keys.sqlite", data.parent / "dump.sqlite"))


def _put_back(data: Path, dump: Path) -> None:
    for file in data.glob("keys.sqlite*"):
        file.unlink()
    shutil.copy(dump, data / "keys.sqlite")


def _head(data: Path) -> int:
    return _position(data / "keys.sqlite", "SELECT position FROM log_head")


def _kept(data: Path) -> int:
    """How far auth has kept a signed head."""
    query = "SELECT max(position) FROM kept_head WHERE signature <> '' AND follower = 'auth.grants'"
    return _position(data / "auth.sqlite", query)


def _position(file: Path, query: str) -> int:
    connection = sqlite3.connect(file)
    try:
        (position,) = connection.execute(query).fetchone()
    finally:
        connection.close()
    return int(position or 0)


def _accept(data: Path, *more: str) -> dict[str, Any]:
    command = ("restore", "accept", "--reason", "the disk was lost", "--data", str(data), "--json", *more)
    done = grillo(*command)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
