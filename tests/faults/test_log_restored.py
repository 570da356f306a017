"""PostgreSQL's log of keys restored from a dump of some time ago, under a running system: everyone follows the restored
log, and the first revocation after it counts on no gate that the dump cannot know of."""

import json
import os
import subprocess
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.against_the_log import GATES, Log, verdicts
from tests.e2e.running import Distributed, eventually
from tests.servers import Postgres, ServiceDatabase, postgres_program

pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(300)]


def test_everyone_follows_the_restored_log_and_receipts_hold(
    running: Distributed, postgres: Postgres, log: Log, tmp_path: Path
) -> None:
    database = running.stack.service_databases["keys"]
    kept_id, kept = running.create_key("events:read", name="In the dump")
    dump = _dump(database.owner_url, tmp_path / "keys.dump")
    lost = [running.create_key("events:read", name=f"Lost {number}") for number in range(5)]
    with running.admin() as admin:
        assert admin.post(f"/v1/keys/{lost[0][0]}/revoke").status_code == 200
    place_before = log.folded()[1]

    log.close()  # its connections would keep the database from being replaced
    _restore(postgres, database, dump)

    eventually(log.behind, lambda behind: behind == [], seconds=60, every=0.5)
    assert log.folded()[1] != place_before
    _, mine = eventually(lambda: _created(running), lambda created: created[1] != "", seconds=60, every=0.5)
    secrets = [kept, mine, *(secret for _, secret in lost)]
    for service in GATES:
        eventually(
            lambda service=service: verdicts(running.stack, service, secrets),  # type: ignore[misc]
            lambda seen: seen == [403, 403, 401, 401, 401, 401, 401],
            seconds=30,
        )
    with running.admin() as admin:
        receipt = admin.post(f"/v1/keys/{kept_id}/revoke").raise_for_status().json()["receipt"]
    assert receipt["propagated"]
    assert [verdicts(running.stack, service, [kept]) for service in GATES] == [[401]] * len(GATES)
    # The chain is whole, and what its followers saw of the log before is not forgotten by them.
    audited = running.stack.grillo("keys", "audit", "verify", "keys", "--json")
    (found,) = json.loads(audited.stdout).values()
    problems = {finding["problem"] for finding in found["findings"]}
    assert problems, audited.stderr
    assert problems <= {
        f"{follower} has seen {what}"
        for follower in ("auth.grants", "usage.known_keys")
        for what in ("this row; it is gone", "another row here")
    }


def _created(running: Distributed) -> tuple[str, str]:
    """A key made after the restore; ("", "") while the service finds its way back."""
    with running.admin() as admin:
        answer = admin.post("/v1/keys", json={"name": "After it", "permissions": ["events:read"]})
    return (answer.json()["id"], answer.json()["key"]) if answer.status_code == 201 else ("", "")


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
