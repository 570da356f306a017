"""A thief creates keys on eight connections while the owner ends the key's power: nothing by that key comes after.

What counts is the log: no event whose actor is the key lies behind the one that ended its power, whatever was answered.
"""

import json
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from falcon import testing
from sqlalchemy import select

from services.keys import tables
from shared.eventsourcing.audit import audit
from shared.sql.database import Database
from tests.integration.web.management import Management, management
from tests.servers import Postgres

CONNECTIONS = 8
ROUNDS = 4
ATTEMPTS_MAX = 500
BODY = {"name": "the thief's", "permissions": ["admin"]}
# How the owner ends it → method, path, body, and the event that says so.
ENDINGS: dict[str, tuple[str, str, dict[str, Any] | None, str]] = {
    "revoke": ("POST", "/v1/keys/{}/revoke", {}, "KeyRevoked"),
    "rotate": ("POST", "/v1/keys/{}/rotate", {"grace_seconds": 0}, "KeyRotated"),
    "suspend": ("POST", "/v1/keys/{}/suspend", {}, "KeySuspended"),
    "take admin": ("PATCH", "/v1/keys/{}", {"permissions": ["sensors:read"]}, "KeyPermissionsChanged"),
    "delete": ("DELETE", "/v1/keys/{}", None, "KeyRevoked"),
}
REFUSALS = {
    "revoke": "key-revoked",
    "rotate": "invalid-key",
    "suspend": "key-suspended",
    "take admin": "insufficient-permission",
    "delete": "invalid-key",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Management]:
    server: Postgres | None = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    api = management(tmp_path, keys_database=None if server is None else Database(server.new_database()))
    yield api
    api.close()


class Thief:
    """Asks on each connection until it is refused."""

    def __init__(self, ask: Callable[[], testing.Result]) -> None:
        self._ask, self._changed = ask, threading.Condition()
        self.made: list[str] = []
        self.refused: list[str] = []

    def steal(self) -> None:
        for _ in range(ATTEMPTS_MAX):
            answer = self._ask()
            with self._changed:
                self._changed.notify_all()
                if answer.status_code != 201:
                    self.refused.append(answer.json["type"].rsplit("/", 1)[1])
                    return
                self.made.append(answer.json["id"])

    def await_made(self, number: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.made) >= number or bool(self.refused), 60)


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_by_a_key_lies_behind_the_end_of_its_power(api: Management, ending: str) -> None:
    method, path, body, type_ = ENDINGS[ending]
    chance = random.Random(ending)
    for _ in range(ROUNDS):
        owner = api.another_organisation("premium")
        stolen = api.ask("POST", "/v1/keys", key=owner, json={"name": "stolen", "permissions": ["admin"]}).json
        thief = Thief(lambda key=stolen["key"]: api.ask("POST", "/v1/keys", key=key, json=BODY))  # type: ignore[misc]
        with ThreadPoolExecutor(CONNECTIONS) as connections:
            running = [connections.submit(thief.steal) for _ in range(CONNECTIONS)]
            thief.await_made(chance.randint(1, 40))
            ended = api.ask(method, path.format(stolen["id"]), key=owner, json=body)
            for connection in running:
                connection.result()
        assert ended.status_code == 200, ended.text
        assert len(thief.refused) == CONNECTIONS
        assert set(thief.refused) <= {REFUSALS[ending], "key-revoked"}, thief.refused
        assert behind_the_end(api, stolen["id"], type_) == []
    assert audit(api.keys.store).findings == ()


def behind_the_end(api: Management, key_id: str, type_: str) -> list[tuple[int, str]]:
    """The events by this key at positions behind the event that ended its power."""
    log = tables.log
    with api.keys.database.reading() as tx:
        rows = tx.execute(select(log).order_by(log.c.position)).all()
    (end,) = [row.position for row in rows if row.stream == key_id and row.type == type_]
    return [
        (row.position - end, row.type)
        for row in rows
        if row.position > end and json.loads(row.metadata)["actor"] == key_id
    ]
