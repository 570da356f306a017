"""Databases of PostgreSQL put back under a running system: that of keys from a dump, each other one, all together.

While a log of keys that was put back is not accepted, nobody is served, then all are; and the first revocation after it
counts on no gate that the dump cannot know of. No dead secret is ever admitted, and what was put back is named.
"""

import contextlib
import json
import os
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from services.auth import tables as auth_tables
from services.auth.assembly import SENSORS_WITNESS
from services.auth.grants import FOLLOWER
from services.keys import tables as keys_tables
from services.keys.revocation.follower_places import read_follower_places
from services.sensors import tables as sensors_tables
from shared.replication.feed import FeedUnavailable
from shared.replication.heads.sent_elsewhere import SentHead
from shared.replication.kept_heads import signed_head
from shared.replication.sql_follower import read_anchors
from shared.sql.database import Database
from tests import local_http
from tests.against_the_log import BEHIND, GATES, Log, verdicts
from tests.e2e.running import Distributed, eventually, judged
from tests.faults.copies import Copies
from tests.faults.sampling import sampled
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


def test_each_other_one_is_named_alone_and_all_together_by_gates_that_run_on_and_kept_heads(
    running: Distributed, postgres: Postgres
) -> None:
    stack, copies = running.stack, Copies(postgres)
    databases = stack.service_databases
    living = running.create_key("events:read", name="Living")[1]
    dying = [running.create_key("events:read", name=f"Dies {number}") for number in range(4)]
    eventually(lambda: _is_remembered(running), bool, seconds=120, every=1)
    copies.copy(list(databases.values()))
    dead = _end(running, dying)
    with running.admin() as admin:
        judged(lambda: admin.post("/v1/networks", json={"name": "After the copies"})).raise_for_status()
    _judged_rightly(running, living, dead)

    for name in sampled(("usage", "sensors", "auth"), 1):
        eventually(lambda: _is_remembered(running), bool, seconds=120, every=1)
        heads = _sent(running)
        log = "sensors" if name == "sensors" else "keys"
        with _none_is_admitted(running, dead):
            copies.put_back([databases[name]])
            _is_named(running, log, {name})
            stack.restart("sensors" if name == "auth" else name)  # a gate that takes what it knows from auth
            _judged_rightly(running, living, dead)
            told = _accepted(running, log)
        assert [each["follower"].partition(".")[0] for each in told.get("followers", [])] == [name] * (log == "keys")
        _is_named(running, log, set())

    # Where the command, which sees its container alone, can read it.
    (kept := stack.folder / "keys-spool/heads.jsonl").write_bytes(heads)
    with _none_is_admitted(running, dead):
        copies.put_back(list(databases.values()))
        for service in GATES:
            eventually(
                lambda service=service: _problems(running, service, [living, *dead]),  # type: ignore[misc]
                lambda seen: seen == {"log-diverged"},
                seconds=60,
            )
        for more in ((), ("--heads", str(kept))):
            _is_named(running, "keys", {"keys"}, *more)
    _accepted(running, "keys")
    for service in GATES:
        eventually(
            lambda service=service: verdicts(stack, service, [living]),  # type: ignore[misc]
            lambda seen: seen == [403],
            seconds=60,
        )
    _is_named(running, "keys", set())


def _end(running: Distributed, dying: list[tuple[str, str]]) -> list[str]:
    """What is dead now: revoked, deleted, rotated away twice, suspended."""
    (revoked, deleted, rotated, suspended), secrets = zip(*dying, strict=True)
    with running.admin() as admin:

        def ask(method: str, key_id: str, what: str = "") -> Any:
            body: dict[str, str] | None = None if method == "DELETE" else {}
            answer = judged(lambda: admin.request(method, f"/v1/keys/{key_id}{what}", json=body))
            return answer.raise_for_status().json()

        ask("POST", revoked, "/revoke")
        ask("DELETE", deleted)
        renewed = ask("POST", rotated, "/rotate")["key"]
        ask("POST", rotated, "/rotate")
        ask("POST", suspended, "/suspend")
    return [*secrets, renewed]


@contextlib.contextmanager
def _none_is_admitted(running: Distributed, dead: list[str]) -> Iterator[None]:
    """Each gate is asked for each of the dead, all the while."""
    seen, over = Counter[int](), threading.Event()

    def ask() -> None:
        callers = (f"127.1.{number // 250}.{number % 250 + 1}" for number in range(50_000))
        while not over.wait(0.1):
            for service in GATES:
                with contextlib.suppress(httpx.TransportError):  # it is being restarted
                    seen.update(verdicts(running.stack, service, dead, by=next(callers)))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()
    assert seen[401] + seen[503] == seen.total() > 0, seen


def _judged_rightly(running: Distributed, living: str, dead: list[str]) -> None:
    """At each gate: none of the dead is admitted, whether or not it is fresh; the living one is, once it is."""
    for service in GATES:
        assert set(verdicts(running.stack, service, dead)) <= {401, 503}
        eventually(
            lambda service=service: verdicts(running.stack, service, [living, *dead]),  # type: ignore[misc]
            lambda seen: seen == [403, *[401] * len(dead)],
            seconds=120,
        )


def _problems(running: Distributed, service: str, secrets: list[str]) -> set[str]:
    """What a service's own gate says."""
    with local_http.client(base_url=running.stack.public_url(service), timeout=10) as client:
        answers = [client.get(BEHIND[service], headers={"Authorization": f"Bearer {secret}"}) for secret in secrets]
    return {str(answer.json().get("type", "")).rpartition("/")[2] for answer in answers}


def _is_named(running: Distributed, log: str, services: set[str], *more: str) -> None:
    """By audits, once all databases and followers answer again."""
    eventually(lambda: _named(running, log, *more), lambda named: named == services, seconds=120, every=1)


def _named(running: Distributed, log: str, *more: str) -> set[str]:
    """The services whose databases an audit finds something wrong with."""
    done = running.stack.grillo(log, "audit", "verify", log, "--json", *more)
    if not done.stdout:
        return {done.stderr}  # a database, or a follower, does not answer yet
    report = json.loads(done.stdout)
    named = {service for service, found in report.items() if found["findings"]}
    assert (done.returncode == 0) == (not named)
    return named


def _is_remembered(running: Distributed) -> bool:
    """Whether keys knows how far both followers hold its log, and auth how far that of sensors goes."""
    found = {name: Database(url) for name, url in running.stack.databases().items()}
    try:
        with found["keys"].reading() as tx:
            end = tx.execute(select(keys_tables.log_head.c.position)).scalar_one()
            known = [place.position for place in read_follower_places(tx).values()]
        with found["sensors"].reading() as tx:
            end_of_sensors = tx.execute(select(sensors_tables.log_head.c.position)).scalar_one()
        with found["auth"].reading() as tx:
            kept = auth_tables.metadata.tables["kept_head"].c
            newest = select(func.max(kept.position)).where(kept.follower == SENSORS_WITNESS)
            witnessed = tx.execute(newest).scalar_one()
    finally:
        for database in found.values():
            database.close()
    return known == [end, end] and witnessed == end_of_sensors


def _sent(running: Distributed) -> bytes:
    """What AUDIT_HEADS would have had by now."""
    with closing(Database(running.stack.databases()["auth"])) as auth, auth.reading() as tx:
        anchors = read_anchors(tx, auth_tables.metadata, FOLLOWER)
    heads = [signed_head(anchor) for anchor in anchors if anchor.signature]
    return b"".join(msgspec.json.encode(SentHead(log="keys", head=head)) + b"\n" for head in heads)


def _accepted(running: Distributed, log: str) -> Any:
    """In one step. Of the log of sensors it is auth that has something to accept."""
    service = "auth" if log == "sensors" else "keys"
    command = ("restore", "accept", "--log", log, "--reason", "a drill", "--yes", "--json")
    done = running.stack.grillo(service, *command)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
