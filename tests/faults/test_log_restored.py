"""PostgreSQL's log of keys restored from a dump of some time ago, under a running system: nobody is served until that
is accepted, then all are; and the first revocation after it counts on no gate that the dump cannot know of."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from shared.replication.feed import FeedUnavailable
from tests.against_the_log import GATES, Log, verdicts
from tests.e2e.running import Distributed, eventually
from tests.servers import Postgres, ServiceDatabase, postgres_program

pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(900)]


def test_a_restored_log_serves_nobody_until_it_is_accepted_and_receipts_hold(
    running: Distributed, postgres: Postgres, log: Log, tmp_path: Path
) -> None:
    database = running.stack.service_databases["keys"]
    kept_id, kept = running.create_key("events:read", name="In the dump")
    stolen_id, stolen = running.create_key("events:read", name="Stolen")
    dump = _dump(database.owner_url, tmp_path / "keys.dump")
    lost = [running.create_key("events:read", name=f"Lost {number}")[1] for number in range(3)]
    with running.admin() as admin:
        assert admin.post(f"/v1/keys/{stolen_id}/revoke").status_code == 200
    place_before = log.folded()[1]
    assert place_before is not None
    eventually(lambda: _kept(running), lambda position: position >= place_before.position, seconds=60, every=0.5)

    log.close()  # its connections would keep the database from being replaced
    _restore(postgres, database, dump)

    secrets = [kept, stolen, *lost]
    for service in GATES:
        eventually(
            lambda service=service: verdicts(running.stack, service, secrets),  # type: ignore[misc]
            lambda seen: seen == [503] * len(secrets),
            seconds=60,
        )
    eventually(lambda: _problem(running, stolen), lambda problem: problem == "log-diverged", seconds=60, every=0.5)
    with running.admin() as admin:
        assert admin.post("/v1/keys", json={"name": "No", "permissions": ["events:read"]}).status_code == 503
    refused = running.stack.grillo("keys", "organisation", "set-tier", running.organisation, "premium")
    assert (refused.returncode, "restore accept" in refused.stderr) == (1, True)
    assert _accept(running)["revoked"] == [stolen_id]
    assert _problem(running, stolen) == "log-diverged"

    done = _accept(running, "--yes")
    assert (done["accepted"], done["revoked"], done["suspended"]) == (True, [stolen_id], [])
    for service in GATES:
        eventually(
            lambda service=service: verdicts(running.stack, service, secrets),  # type: ignore[misc]
            lambda seen: seen == [403, 401, 401, 401, 401],
            seconds=60,
        )
    eventually(lambda: _behind(log), lambda behind: behind == [], seconds=60, every=0.5)
    _, mine = running.create_key("events:read", name="After it")
    assert [verdicts(running.stack, service, [mine]) for service in GATES] == [[403]] * len(GATES)
    with running.admin() as admin:
        receipt = admin.post(f"/v1/keys/{kept_id}/revoke").raise_for_status().json()["receipt"]
    assert receipt["propagated"]
    assert [verdicts(running.stack, service, [kept]) for service in GATES] == [[401]] * len(GATES)
    # The chain is whole, and what its followers saw of the log before is told once, as what it is.
    audited = running.stack.grillo("keys", "audit", "verify", "keys", "--json")
    assert audited.returncode == 0, audited.stdout + audited.stderr
    (found,) = json.loads(audited.stdout).values()
    (restored,) = found["restored"]
    assert (found["findings"], restored["reason"]) == ([], "a drill")
    assert restored["given_up"] > 0


def _accept(running: Distributed, *more: str) -> Any:
    done = running.stack.grillo("keys", "restore", "accept", "--reason", "a drill", "--json", *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _problem(running: Distributed, secret: str) -> str:
    with running.client(secret) as client:
        answer = client.get("/v1/events")
    return str(answer.json().get("type", "")).rpartition("/")[2]


def _kept(running: Distributed) -> int:
    """How far auth has kept a signed head of the log of keys."""
    query = "SELECT max(position) FROM kept_head WHERE signature <> '' AND follower = 'auth.grants'"
    with psycopg.connect(running.stack.databases()["auth"].replace("postgresql+psycopg", "postgresql")) as connection:
        row = connection.execute(query).fetchone()
    return int(row[0] or 0) if row else 0


def _behind(log: Log) -> list[str]:
    """While auth follows anew there is no snapshot to compare."""
    try:
        return log.behind()
    except FeedUnavailable as error:
        return [str(error)]


def _dump(url: str, file: Path) -> Path:
    parts = make_url(url)
    environment = os.environ | {"PGPASSWORD": parts.password or ""}
    address = ["--host", parts.host or "", "--port", str(parts.port), "--username", parts.username or ""]
    command = [str(postgres_program("pg_dump")), *address, "--file", str(file), parts.database or ""]
    subprocess.run(command, env=environment, check=True, timeout=60)
    return file


def _restore(postgres: Postgres, database: ServiceDatabase, dump: Path) -> None:
    """As an operator would: the database is dropped under the services, made anew, and filled from the dump."""
    with psycopg.connect(postgres.address(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{database.name}" WITH (FORCE)'.encode())
    postgres.set_up(database)
    parts = make_url(database.owner_url)
    environment = os.environ | {"PGPASSWORD": parts.password or ""}
    address = ["--host", parts.host or "", "--port", str(parts.port), "--username", parts.username or ""]
    command = [str(postgres_program("psql")), *address, "--quiet", "--set", "ON_ERROR_STOP=1", "--single-transaction"]
    command += ["--file", str(dump), database.name]
    subprocess.run(command, env=environment, check=True, timeout=60, stdout=subprocess.DEVNULL)
