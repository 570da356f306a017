"""`grillo trace`: all that became of a request, from the databases of a data folder and from files of logs."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

from services.auth.grants import FOLLOWER
from services.auth.tables import checkpoint
from services.cli.application import application
from services.distributed.migration import migrate_database
from services.keys.tables import metadata as keys_tables
from services.service_registry import SERVICES
from services.usage.notifications.tables import delivery, delivery_attempt
from services.usage.tables import request
from shared.eventsourcing.event_store import Head
from shared.eventsourcing.origin import Origin
from shared.replication.checkpoints import write_checkpoint
from shared.sql.database import Database

MINE, HASH, AT = "mine-1", "a" * 64, 1_795_000_000_000_000
MESSAGE = f"msg_{'a' * 32}"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key was revoked by the request; its channel's receiver answered the second time; an alert came of it, too."""
    folder = tmp_path_factory.mktemp("folder") / "data"
    folder.mkdir(mode=0o700)
    for service in SERVICES:
        migrate_database(service, "DATABASE_URL", f"sqlite:///{folder}/{service}.sqlite")
    for position, request_id in ((1, "other"), (2, MINE), (3, "mine-12"), (4, None)):
        _insert(folder, "keys", keys_tables.tables["log"], _row(position, request_id))
    for request_id in (MINE, "mine-12"):
        _insert(folder, "usage", request, _request(request_id))
    for number, (message, payload) in enumerate(
        (
            (MESSAGE, "{}"),
            ("msg_alert", f'{{"facts":{{"request_id":"{MINE}"}}}}'),
            ("msg_other", '{"request_id":"mine-12"}'),
        )
    ):
        _insert(folder, "usage", delivery, _delivery(f"dlv_{number}", message, payload))
    for number, status in ((1, None), (2, 204)):
        fault = None if status else "timeout"
        attempt = {
            "delivery_id": "dlv_0",
            "number": number,
            "at": AT,
            "duration_ms": 1,
            "status": status,
            "fault": fault,
        }
        _insert(folder, "usage", delivery_attempt, attempt)
    with Database.sqlite(folder / "auth.sqlite").transaction() as tx:
        write_checkpoint(tx, checkpoint, FOLLOWER, Head(epoch="e", position=2, hash=HASH))
    return folder


def test_it_finds_the_request_what_it_changed_who_followed_and_what_was_sent(data: Path) -> None:
    found = json.loads(_run(data, MINE, "--json"))
    assert [(one["status"], one["key_id"], one["at"][:10]) for one in found["requests"]] == [
        (200, "key_1", "2026-11-18")
    ]
    (change,) = found["changes"]
    assert change | {"at": ""} == {
        "at": "",
        "service": "keys",
        "actor": "key_admin",
        "message_id": MESSAGE,
        "position": 2,
        "stream": "key_1",
        "revision": 2,
        "type": "KeyRevoked",
    }
    assert found["followed"] == {"auth": 2, "usage": None}
    assert [one["id"] for one in found["deliveries"]] == ["dlv_0", "dlv_1"]
    attempts = [(one["status"], one["fault"]) for one in found["deliveries"][0]["attempts"]]
    assert attempts == [(None, "timeout"), (204, None)]
    shown = _run(data, MINE)
    assert "KeyRevoked key_1 (2), by key_admin; followed by auth" in shown
    assert "mine-12" not in shown
    assert "Nothing of this request is here" in _run(data, "nobody-s")


def test_lines_of_files_are_found_by_the_whole_id_and_show_no_key(data: Path, tmp_path: Path) -> None:
    service, front = tmp_path / "service.log", tmp_path / "front.log"
    told = {"event": "refused", "request_id": MINE, "timestamp": "2026-11-18T10:00:00Z", "said": f"grl_{'7' * 49}"}
    service.write_text(f"{json.dumps(told)}\n{json.dumps(told | {'request_id': 'mine-12'})}\n")
    front.write_bytes(f'192.0.2.1 [x] "GET /v1/keys" 200 12 0.01 {MINE}\n\xff not a text\n'.encode("latin-1"))
    lines = json.loads(_run(data, MINE, "--json", "--logs", str(service), "--logs", str(front)))["log_lines"]
    assert [(line["at"], line["file"]) for line in lines] == [
        ("2026-11-18T10:00:00Z", "service.log"),
        (None, "front.log"),
    ]
    assert "7777" not in json.dumps(lines)
    assert "cannot be read" in str(_refused(data, MINE, "--logs", str(tmp_path / "none")))


def test_lines_that_docker_compose_wrote_have_their_time_too(data: Path, tmp_path: Path) -> None:
    logs, line = tmp_path / "all.log", json.dumps({"request_id": MINE, "timestamp": "2026-11-18T10:00:00Z"})
    logs.write_text(
        f"keys_1      | {line}\ngrillo-usage-1  | {line}\nkeys_1  | a | {line}\n"
        f'front_1  | 192.0.2.1 [2026-11-18T11:00:01+01:00] "GET /v1/keys" 200 12 0.01 {MINE}\n'
        f"front_1  | 192.0.2.1 [2026-99-18T11:00:01+01:00] {MINE}\n"
    )
    lines = json.loads(_run(data, MINE, "--json", "--logs", str(logs)))["log_lines"]
    assert [line["at"] for line in lines] == ["2026-11-18T10:00:00Z"] * 2 + [None, "2026-11-18T10:00:01.000000Z", None]


def test_where_there_is_no_data_folder_files_alone_are_looked_at(tmp_path: Path) -> None:
    logs, nowhere = tmp_path / "all.log", tmp_path / "data"
    logs.write_text(f"{MINE} was here\n")
    asked = ["trace", MINE, "--json", "--data", str(nowhere)]
    done = CliRunner().invoke(application(), [*asked, "--logs", str(logs)])
    assert done.exit_code == 0, done.output
    assert [line["line"] for line in json.loads(done.stdout)["log_lines"]] == [f"{MINE} was here"]
    assert "the files alone" in done.stderr
    assert not nowhere.exists()
    assert CliRunner().invoke(application(), asked).exit_code != 0, "without files there is nothing to look at"


def test_in_a_container_one_service_s_database_is_looked_at(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{data}/usage.sqlite")
    found = json.loads(_run(data, MINE, "usage", "--json"))
    assert (len(found["requests"]), found["changes"]) == (1, [])
    assert [one["id"] for one in found["deliveries"]] == ["dlv_1"], "which messages a change made, keys alone knows"


@pytest.mark.parametrize("request_id", ["a b", "é", "x" * 101, "%"])
def test_what_is_no_id_is_refused(data: Path, request_id: str) -> None:
    assert CliRunner().invoke(application(), ["trace", request_id, "--data", str(data)]).exit_code == 2


def _run(data: Path, *arguments: str) -> str:
    done = CliRunner().invoke(application(), ["trace", *arguments, "--data", str(data)])
    assert done.exit_code == 0, done.output
    return done.stdout


def _refused(data: Path, *arguments: str) -> BaseException | None:
    return CliRunner().invoke(application(), ["trace", *arguments, "--data", str(data)]).exception


def _insert(folder: Path, service: str, table: Any, values: dict[str, Any]) -> None:
    database = Database.sqlite(folder / f"{service}.sqlite")
    with database.transaction() as tx:
        tx.execute(insert(table).values(values))
    database.close()


def _row(position: int, request_id: str | None) -> dict[str, Any]:
    origin = Origin(actor="key_admin", request_id=request_id).text()
    told = {"position": position, "stream": "key_1", "version": position, "type": "KeyRevoked", "schema_version": 1}
    return told | {"data": "{}", "metadata": origin, "recorded_at": "2026-11-18T10:00:00.000000Z", "hash": HASH}


def _request(request_id: str) -> dict[str, Any]:
    told = {"at": AT, "key_id": "key_1", "organisation_id": "org_1", "request_id": request_id, "method": "DELETE"}
    told |= {"route": "/v1/keys/{id}", "status": 200, "cost": 1, "duration_us": 900, "size": 2, "address": "192.0.2.1"}
    return told | {"user_agent": "curl", "requests": 1}


def _delivery(id_: str, message: str, payload: str) -> dict[str, Any]:
    told = {"id": id_, "organisation_id": "org_1", "channel_id": "chn_1", "message_id": message, "type": "KeyRevoked"}
    return told | {"payload": payload, "status": "delivered", "attempts": 2, "created_at": AT}
