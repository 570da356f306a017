"""A thief creates keys on eight connections while the owner ends the key's power: nothing by that key comes after.

What counts is the log: no event whose actor is the key lies behind the one that ended its power, whatever was answered.
What it made before is told by the revocation, which ends that, too: whatever it asked for was refused, or is in `made`.
"""

import math
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from services.keys import tables
from services.keys.assembly import MIGRATIONS
from shared.eventsourcing.audit import audit
from shared.sql.database import Database
from tests.e2e.running import Distributed, Embedded, System
from tests.integration.web.management import Management, management
from tests.servers import Postgres
from tests.service_database import new_service_database
from tests.trust.thief import BODY, CONNECTIONS, ENDINGS, Creation, Thief, behind_the_end

ROUNDS = 3
# In all, over both worlds and the ways of ending a key's power; a deletion has as many as another way beside them.
ROUNDS_IN_ALL = int(os.environ.get("GRILLO_TEST_THIEF_ROUNDS", "100"))
ROUNDS_OF_A_RUNNING_SYSTEM = math.ceil(ROUNDS_IN_ALL / (2 * (len(ENDINGS) - 1)))
MADE_MAX = 30


@pytest.fixture(params=["sqlite", "postgresql"])
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Management]:
    server: Postgres | None = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    api = management(tmp_path, keys_database=None if server is None else new_service_database(server, MIGRATIONS))
    yield api
    api.close()


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_by_a_key_lies_behind_the_end_of_its_power(api: Management, ending: str) -> None:
    end, chance = ENDINGS[ending], random.Random(ending)
    for _ in range(ROUNDS):
        owner = api.another_organisation("premium")
        stolen = api.ask("POST", "/v1/keys", key=owner, json={"name": "stolen", "permissions": ["admin"]}).json

        def create(key: str = stolen["key"]) -> tuple[int, dict[str, Any]]:
            answer = api.ask("POST", "/v1/keys", key=key, json=BODY)
            return answer.status_code, answer.json

        def stop(path: str = end.path.format(stolen["id"]), owner: str = owner) -> dict[str, Any]:
            answer = api.ask(end.method, path, key=owner, json=end.body)
            assert answer.status_code == 200
            ended: dict[str, Any] = answer.json
            return ended

        thief = Thief([create] * CONNECTIONS)
        ended = thief.steal_until(chance.randint(1, MADE_MAX), stop)
        if ending == "revoke":
            assert (set(ended["made"]), ended["made_complete"]) == (set(thief.made), True)
            assert living(api.keys.database, thief.made) == []
        # A deletion is a revocation first.
        assert set(thief.refused) <= {end.refusal, "key-revoked"}
        assert behind_the_end(api.keys.database, stolen["id"], end.event) == []
    assert audit(api.keys.store).findings == ()


@pytest.mark.parametrize("ending", ENDINGS)
def test_neither_in_a_running_system(system: System, ending: str) -> None:
    end, chance = ENDINGS[ending], random.Random(ending)
    database = log_of(system)
    for _ in range(ROUNDS_OF_A_RUNNING_SYSTEM):
        key_id, secret = system.create_key("admin")
        clients = [system.client(secret) for _ in range(CONNECTIONS)]
        with system.admin() as owner:
            thief = Thief([creation(client) for client in clients])
            path = end.path.format(key_id)
            ended = thief.steal_until(
                chance.randint(1, MADE_MAX),
                lambda path=path: owner.request(end.method, path, json=end.body).raise_for_status().json(),  # type: ignore[misc]
            )
            if ending == "revoke":
                assert set(ended["made"]) == set(thief.made)
                assert living(database, thief.made) == []
            owner.post("/v1/keys/revoke", json={"label": "made:by-the-thief"}).raise_for_status()
        for client in clients:
            client.close()
        # The tier's limit of active keys may have stopped some before; and an address that keeps sending keys that are
        # not valid is slowed.
        assert set(thief.refused) <= {end.refusal, "key-revoked", "too-many-keys", "http-problem-types#quota-exceeded"}
        assert behind_the_end(database, key_id, end.event) == []
    database.close()


def creation(client: httpx.Client) -> Creation:
    def create() -> tuple[int, dict[str, Any]]:
        answer = client.post("/v1/keys", json=BODY)
        return answer.status_code, answer.json()

    return create


def living(database: Database, key_ids: list[str]) -> list[str]:
    """Those of them that are not revoked."""
    table = tables.api_key
    with database.reading() as tx:
        found = tx.execute(select(table.c.id).where(table.c.id.in_(key_ids), table.c.revoked_at.is_(None)))
        return list(found.scalars())


def log_of(system: System) -> Database:
    """The database of the running keys service, to read."""
    if isinstance(system, Embedded):
        return Database.sqlite(system.data / "keys.sqlite")
    assert isinstance(system, Distributed)
    return Database(system.stack.databases()["keys"])
