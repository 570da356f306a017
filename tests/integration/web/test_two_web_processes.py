"""One request with one Idempotency-Key that reaches two web processes at once: one of them does it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table

from services.keys import tables as keys_tables
from services.usage import tables as usage_tables
from shared.eventsourcing.audit import audit
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from shared.web.conditions.idempotency import Attempt, Idempotency
from tests.integration.web.management import Management, management
from tests.integration.web.test_still_admitted import HOOK
from tests.servers import Postgres

PROCESSES = 2


class LookingTogether(Idempotency):
    """Its first look at what was done before ends when every process has looked, and found nothing."""

    def __init__(self, database: Database, table: Table, all_have_looked: threading.Barrier) -> None:
        super().__init__(database, table, SystemClock())
        self._all_have_looked, self._has_looked = all_have_looked, False

    def find(self, attempt: Attempt) -> str | None:
        found = super().find(attempt)
        if not self._has_looked:
            self._has_looked = True
            self._all_have_looked.wait(60)
        return found


@pytest.fixture
def processes(postgres: Postgres, tmp_path: Path) -> Iterator[list[Management]]:
    """Applications that share their databases and nothing else, as web processes on several machines do."""
    urls, all_have_looked = (postgres.new_database(), postgres.new_database()), threading.Barrier(PROCESSES)
    running = []
    for number in range(PROCESSES):
        folder = tmp_path / str(number)
        folder.mkdir()
        keys, usage = map(Database, urls)
        api = management(folder, keys_database=keys, usage_database=usage)
        of_usage = [route for route in api.routes if route.path.startswith(("/v1/channels", "/v1/alert"))]
        LookingTogether(keys, keys_tables.idempotency, all_have_looked).serves(set(api.routes) - set(of_usage))
        LookingTogether(usage, usage_tables.idempotency, all_have_looked).serves(of_usage)
        running.append(api)
    yield running
    assert audit(running[0].keys.store).findings == ()
    for api in running:
        api.close()


def shown(api: Management, path: str, member: str) -> Callable[[], Any]:
    return lambda: api.ask("GET", path).json[member]


def a_key(api: Management) -> tuple[str, dict[str, Any], Callable[[], Any]]:
    return "/v1/keys", {"name": "key", "permissions": ["sensors:read"]}, shown(api, "/v1/keys", "data")


def a_secret(api: Management) -> tuple[str, dict[str, Any], Callable[[], Any]]:
    path = f"/v1/keys/{api.create()['id']}"
    return f"{path}/rotate", {"grace_seconds": 3600}, lambda: range(shown(api, path, "revision")())


def a_channel(api: Management) -> tuple[str, dict[str, Any], Callable[[], Any]]:
    return "/v1/channels", HOOK, shown(api, "/v1/channels", "data")


def a_message(api: Management) -> tuple[str, dict[str, Any], Callable[[], Any]]:
    hook = api.ask("POST", "/v1/channels", json=HOOK).json["id"]
    return f"/v1/channels/{hook}/test", {}, shown(api, "/v1/deliveries", "data")


@pytest.mark.parametrize("asked", [a_key, a_secret, a_channel, a_message])
def test_one_of_the_processes_does_it_and_the_other_answers_that(
    processes: list[Management], asked: Callable[[Management], tuple[str, dict[str, Any], Callable[[], Any]]]
) -> None:
    path, body, things = asked(processes[0])
    admin, before = processes[0].admin, len(things())
    processes[1].replica.pull()

    def ask(api: Management) -> Any:
        return api.ask("POST", path, key=admin, json=body, headers={"Idempotency-Key": "lost"})

    with ThreadPoolExecutor(PROCESSES) as threads:
        answers = list(threads.map(ask, processes))
    assert len(things()) == before + 1
    (first,) = [answer for answer in answers if answer.status_code < 400 and "Idempotent-Replay" not in answer.headers]
    (second,) = [answer for answer in answers if answer is not first]
    assert second.headers.get("Idempotent-Replay") == "true" or second.status_code == 409, second.text
    again = ask(processes[1])
    assert (again.status_code, again.headers["Idempotent-Replay"]) == (first.status_code, "true")
    assert again.json["id"] == first.json["id"]
    assert len(things()) == before + 1
