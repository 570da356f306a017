"""Databases of PostgreSQL put back under a running system: each but that of keys alone, then all of them together.

No dead secret is admitted at any gate, nor by one that starts then, and what was put back is named. That of keys alone:
test_log_restored.py.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from services.auth import tables as auth_tables
from services.auth.assembly import SENSORS_WITNESS
from services.keys import tables as keys_tables
from services.keys.revocation.follower_places import read_follower_places
from services.sensors import tables as sensors_tables
from shared.sql.database import Database
from tests.against_the_log import GATES, verdicts
from tests.e2e.running import Distributed, eventually
from tests.faults.dumps import dumped, restore
from tests.servers import Postgres

pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(900)]
DEAD = 5  # revoked, deleted, rotated away twice, suspended


def test_each_put_back_alone_is_named_and_all_together_by_running_gates_and_kept_heads(
    running: Distributed, postgres: Postgres, tmp_path: Path
) -> None:
    stack = running.stack
    heads = tmp_path / "heads.jsonl"
    stack.restart("keys", AUDIT_HEADS=str(heads))
    living = running.create_key("events:read", name="Living")[1]
    ids, secrets = zip(*(running.create_key("events:read", name=f"Dies {number}") for number in range(4)), strict=True)
    databases = stack.service_databases
    dumps = {name: dumped(database, tmp_path / f"{name}.dump") for name, database in databases.items()}
    dead = _end(running, ids, list(secrets))
    with running.admin() as admin:
        admin.post("/v1/networks", json={"name": "After the dump"}).raise_for_status()
    assert _named(running, "keys") == _named(running, "sensors") == set()
    _seen(running, living, dead)
    eventually(lambda: _is_remembered(running), bool, seconds=120, every=1)

    for name in ("auth", "usage"):
        restore(postgres, databases[name], dumps[name])
        eventually(lambda: _named(running, "keys"), lambda named, name=name: named == {name}, seconds=120, every=1)  # type: ignore[misc]
        stack.restart("sensors")  # its gate takes what it knows from auth
        _seen(running, living, dead)
        _accept(running)
        assert _named(running, "keys") == set()
    restore(postgres, databases["sensors"], dumps["sensors"])
    eventually(lambda: _named(running, "sensors"), lambda named: named == {"sensors"}, seconds=60, every=1)
    _seen(running, living, dead)

    for name, database in databases.items():
        restore(postgres, database, dumps[name])
    for service in GATES:
        eventually(
            lambda service=service: verdicts(stack, service, [living, *dead]),  # type: ignore[misc]
            lambda seen: set(seen) == {503},
            seconds=60,
        )
    assert "keys" in _named(running, "keys", "--heads", str(heads))


def _end(running: Distributed, ids: tuple[str, ...], secrets: list[str]) -> list[str]:
    """What is dead now."""
    with running.admin() as admin:
        admin.post(f"/v1/keys/{ids[0]}/revoke", json={"reason": "key-compromise"}).raise_for_status()
        admin.delete(f"/v1/keys/{ids[1]}").raise_for_status()
        renewed = admin.post(f"/v1/keys/{ids[2]}/rotate").raise_for_status().json()["secret"]
        admin.post(f"/v1/keys/{ids[2]}/rotate").raise_for_status()
        admin.post(f"/v1/keys/{ids[3]}/suspend").raise_for_status()
    dead = [*secrets, renewed]
    assert len(dead) == DEAD
    return dead


def _seen(running: Distributed, living: str, dead: list[str]) -> None:
    """At each gate: none of the dead is admitted, whether or not the gate is fresh; the living one is, once it is."""
    for service in GATES:
        assert set(verdicts(running.stack, service, dead)) <= {401, 503}
        eventually(
            lambda service=service: verdicts(running.stack, service, [living, *dead]),  # type: ignore[misc]
            lambda seen: seen == [403, *[401] * DEAD],
            seconds=120,
        )


def _named(running: Distributed, log: str, *more: str) -> set[str]:
    """The services whose databases an audit finds something wrong with."""
    done = running.stack.grillo(log, "audit", "verify", log, "--json", *more)
    if not done.stdout:
        return {done.stderr}  # a database, or a follower, does not answer yet
    report: dict[str, Any] = json.loads(done.stdout)
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


def _accept(running: Distributed) -> None:
    done = running.stack.grillo("keys", "restore", "accept", "--reason", "a drill", "--yes", "--json")
    assert done.returncode == 0, done.stderr
