"""Requests that come twice or at once: one Idempotency-Key makes one key, and every race leaves a sound log."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from services.keys import assembly, tables
from services.keys.assembly import MIGRATIONS
from shared.contracts.keys import Contract
from shared.eventsourcing.audit import audit
from shared.runtime.clock import ManualClock
from shared.sql.clocks.clock_watch import ClockWatch
from shared.sql.database import Database
from shared.web.conditions.idempotency import Idempotency, attempt_of
from tests.examples import NOON
from tests.integration.web.asking import problem
from tests.integration.web.management import Management, management
from tests.servers import Postgres
from tests.service_database import migrated, new_service_database

BODY = {"name": "key", "permissions": ["sensors:read"]}
Ask = Callable[[], testing.Result]


@pytest.fixture(params=["sqlite", "postgresql"])
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Management]:
    server: Postgres | None = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    api = management(tmp_path, keys_database=None if server is None else new_service_database(server, MIGRATIONS))
    yield api
    api.close()


def create(api: Management, idempotency_key: str = "k1", *, key: str | None = None, **fields: Any) -> testing.Result:
    return api.ask("POST", "/v1/keys", key=key, json=BODY | fields, headers={"Idempotency-Key": idempotency_key})


def at_once(*asks: Ask) -> list[testing.Result]:
    with ThreadPoolExecutor(len(asks)) as threads:
        return [future.result() for future in [threads.submit(ask) for ask in asks]]


def sound(api: Management) -> bool:
    """What any race must leave."""
    return audit(api.keys.store).findings == ()


def test_a_repeated_creation_makes_one_key_and_shows_its_secret_once(api: Management) -> None:
    first, second = create(api), create(api)
    assert (first.status_code, second.status_code) == (201, 201)
    assert "Idempotent-Replay" not in first.headers
    assert second.headers["Idempotent-Replay"] == "true"
    assert second.json | {"receipt": 0, "key": 0} == first.json | {"receipt": 0, "key": 0}
    assert second.json["key"] is None
    assert second.headers["Location"] == first.headers["Location"]
    assert create(api, "k2").json["id"] != first.json["id"]


def test_the_same_key_with_another_body_is_refused(api: Management) -> None:
    create(api)
    problem(create(api, name="other"), 422, "invalid-body")
    assert len(api.ask("GET", "/v1/keys").json["data"]) == 2


def test_another_credential_s_keys_are_its_own(api: Management) -> None:
    other = api.create(permissions=["admin"])["key"]
    assert create(api).json["id"] != create(api, key=other).json["id"]


def test_a_refused_creation_keeps_nothing(api: Management) -> None:
    problem(create(api, name=""), 422, "invalid-body")
    assert create(api).json["key"] is not None


@pytest.mark.parametrize("wrong", ["", "a b", "x" * 256, "grl_" + "7" * 49])
def test_an_idempotency_key_is_plain_and_no_secret(api: Management, wrong: str) -> None:
    problem(create(api, wrong), 400, "invalid-request")


def test_it_survives_a_restart(tmp_path: Path) -> None:
    before = management(tmp_path)
    first = create(before)
    before.close()
    after = management(tmp_path)
    again = create(after, key=before.admin)
    after.close()
    assert (again.json["id"], again.json["key"]) == (first.json["id"], None)


def test_after_a_day_the_key_may_be_used_anew(database: Database) -> None:
    migrated(database, assembly.MIGRATIONS)
    clock = ManualClock(NOON)
    idempotency = Idempotency(database, tables.idempotency, clock)
    attempt = attempt_of("k1", "key_1", "POST", "/v1/keys", BODY)
    for key_id in ("key_2", "key_3"):
        with database.transaction() as tx:
            idempotency.keep(attempt, tx, key_id)
        clock.advance(24 * 3600 - 1)
        assert idempotency.find(attempt) == key_id
        clock.advance(1)
        assert idempotency.find(attempt) is None


@pytest.mark.parametrize("days", [3, -3])
def test_a_clock_in_doubt_forgets_nothing_that_was_asked_before_it_was_set_nor_since(
    database: Database, days: int
) -> None:
    migrated(database, assembly.MIGRATIONS)
    clock = ManualClock(NOON)
    watch = ClockWatch("keys", database, tables.clock_reading, clock)
    watch.tick()
    idempotency = Idempotency(database, tables.idempotency, watch.clock)
    before, since = (attempt_of(given, "key_1", "POST", "/v1/keys", BODY) for given in ("before", "since"))
    for attempt, key_id in ((before, "key_2"), (since, "key_3")):
        with database.transaction() as tx:
            idempotency.keep(attempt, tx, key_id)
        clock.set_by(timedelta(days=days) if attempt is before else timedelta())
    for _ in range(2):
        assert (idempotency.find(before), idempotency.find(since)) == ("key_2", "key_3")
        clock.set_by(-timedelta(days=days))


def test_fifty_creations_at_once_with_one_idempotency_key_make_one_key(api: Management) -> None:
    answers = at_once(*[lambda: create(api)] * 50)
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = [answer.json for answer in answers if answer.status_code == 201]
    assert len({key["id"] for key in made}) == 1
    assert sum(key["key"] is not None for key in made) == 1
    assert len(api.ask("GET", "/v1/keys").json["data"]) == 2
    assert sound(api)


def test_fifty_creations_at_once_stay_below_the_number_of_keys(api: Management) -> None:
    few_keys = api.another_organisation(contract=Contract(minute=1_000, day=None, concurrent=100, keys=10))
    answers = at_once(*[lambda: api.ask("POST", "/v1/keys", key=few_keys, json=BODY)] * 50)
    assert Counter(answer.status_code for answer in answers) == {201: 9, 409: 41}
    assert sound(api)


def test_two_revocations_at_once_are_one(api: Management) -> None:
    def ask(key_id: str, reason: str) -> Ask:
        return lambda: api.ask("POST", f"/v1/keys/{key_id}/revoke", json={"reason": reason})

    for _ in range(10):
        key_id = api.create()["id"]
        first, second = at_once(ask(key_id, "superseded"), ask(key_id, "key-compromise"))
        assert (first.status_code, second.status_code) == (200, 200)
        assert first.json["revocation_reason"] == second.json["revocation_reason"]
        assert first.json["revision"] == 2
    assert sound(api)


RIVALS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "edit": ("PATCH", "", {"name": "other", "expires_in": 60}),
    "rotate": ("POST", "/rotate", {"grace_seconds": 60}),
    "suspend": ("POST", "/suspend", {}),
    "resume": ("POST", "/resume", {}),
    "revoke": ("POST", "/revoke", {}),
    "delete": ("DELETE", "", {}),
}


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(RIVALS, 2)))
def test_any_two_changes_at_once_end_as_if_one_came_after_the_other(api: Management, one: str, other: str) -> None:
    def ask(name: str, key_id: str) -> Ask:
        method, path, body = RIVALS[name]
        return lambda: api.ask(method, f"/v1/keys/{key_id}{path}", json=body if method != "DELETE" else None)

    for _ in range(3):
        created = api.create()
        answers = at_once(ask(one, created["id"]), ask(other, created["id"]))
        statuses = {name: answer.status_code for name, answer in zip((one, other), answers, strict=True)}
        assert set(statuses.values()) <= {200, 404, 409}, statuses
        assert 200 in statuses.values()
        if statuses.get("revoke", statuses.get("delete")) == 200:
            assert api.ask("GET", "/v1/keys/self", key=created["key"]).status_code == 401
            fresh = [answer.json.get("key") for answer in answers if answer.json.get("key")]
            assert all(api.ask("GET", "/v1/keys/self", key=secret).status_code == 401 for secret in fresh)
    assert sound(api)
