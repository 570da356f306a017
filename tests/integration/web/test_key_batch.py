"""Many keys in one request: all of them in one append with one receipt, or none, and each fault by its place."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from services.keys import tables
from services.keys.http.key_batch import BODY_BYTES_MAX
from services.keys.http.schemas.request_bodies import BATCH_KEYS_MAX
from services.keys.lifecycle.organisation import ACTIVE_KEYS_MAX
from tests.integration.web.asking import problem
from tests.integration.web.management import Management

PATH = "/v1/keys/batch"
READS: dict[str, Any] = {"name": "key", "permissions": ["sensors:read"]}


def batch(api: Management, *keys: dict[str, Any], **parts: Any) -> Any:
    return api.ask("POST", PATH, json={"keys": list(keys)}, **parts)


def contents(api: Management) -> tuple[int, int]:
    """Of the log and of the data keys: what a refused request must leave as it was."""
    with api.keys.database.reading() as tx:
        rows, kept = (select(func.count()).select_from(table) for table in (tables.log, tables.data_key))
        return tx.execute(rows).scalar_one(), tx.execute(kept).scalar_one()


def test_each_key_is_made_as_it_would_be_by_itself_and_all_have_one_receipt(api: Management) -> None:
    wanted = [
        READS | {"name": f"Ligne {at}", "labels": {"line": str(at)}, "limits": {"minute": at}} for at in (1, 2, 3)
    ]
    before = contents(api)[0]
    answer = batch(api, *wanted)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    made, receipt = answer.json["data"], answer.json["receipt"]
    assert [(key["name"], key["labels"], key["limits"]["minute"]) for key in made] == [
        (f"Ligne {at}", {"line": str(at)}, at) for at in (1, 2, 3)
    ]
    assert receipt["propagated"]
    assert receipt["position"] == contents(api)[0] == before + 3
    assert [row["type"] for row in receipt["proof"]["rows"]] == ["KeyCreated"] * 3
    for key in made:
        secret = key.pop("key")
        assert api.ask("GET", "/v1/keys/self", key=secret).json["id"] == key["id"]
        assert api.ask("GET", f"/v1/keys/{key['id']}").json == key | {
            name: value for name, value in api.ask("GET", f"/v1/keys/{key['id']}").json.items() if "last_used" in name
        }


def test_as_many_as_are_taken_at_most_make_one_append(api: Management) -> None:
    before = contents(api)[0]
    made = batch(api, *[READS] * BATCH_KEYS_MAX).json["data"]
    assert len({key["id"] for key in made}) == len({key["key"] for key in made}) == BATCH_KEYS_MAX
    assert contents(api)[0] == before + BATCH_KEYS_MAX
    told = problem(batch(api, *[READS] * (BATCH_KEYS_MAX + 1)), 422, "invalid-body")
    assert list(told["errors"]) == ["/keys"]
    problem(batch(api), 422, "invalid-body")
    # Of so many none is looked at: each of them would be two faults.
    told = problem(batch(api, *[{}] * 100_000), 422, "invalid-body")
    assert list(told["errors"]) == ["/keys"]


def test_the_longest_ascii_texts_fit_in_the_body_and_what_is_too_large_says_how_much_may_be_sent(
    api: Management,
) -> None:
    labels = {f"{at}{'n' * 20}": "v" * 60 for at in range(10)}
    long = READS | {"name": "n" * 100, "description": "d" * 1000, "labels": labels}
    assert batch(api, *[long] * BATCH_KEYS_MAX).status_code == 201
    for language, said in {"en": "send at most 512 KiB", "fr": "envoyez au plus 512 Kio"}.items():
        headers = {"Content-Type": "application/json", "Accept-Language": language}
        over = api.ask("POST", PATH, body=b" " * (BODY_BYTES_MAX + 1), headers=headers)
        assert problem(over, 413, "body-too-large")["detail"] == said


def test_every_fault_of_every_key_is_named_and_none_is_made(api: Management) -> None:
    before = contents(api)
    faults = [
        READS,
        {"name": "", "permissions": ["all"]},
        READS | {"permissions": []},
        READS | {"surprise": 1},
    ]
    told = problem(batch(api, *faults), 422, "invalid-body")
    assert sorted(told["errors"]) == [
        "/keys/1/name",
        "/keys/1/permissions/0",
        "/keys/2/permissions",
        "/keys/3/surprise",
    ]
    judged = [
        READS | {"limits": {"minute": 1_000_000}},
        READS,
        READS | {"expires_at": "2001-01-01T00:00:00Z", "name": "\u200b"},
    ]
    told = problem(batch(api, *judged), 422, "invalid-body")
    assert sorted(told["errors"]) == ["/keys/0/limits/minute", "/keys/2/expires_at", "/keys/2/name"]
    of_networks = [
        READS | {"networks": ["net_1"]},
        READS | {"networks": ["net_other"]},
        READS | {"permissions": ["admin"], "networks": ["net_1"]},
    ]
    told = problem(batch(api, *of_networks), 422, "invalid-body")
    assert sorted(told["errors"]) == ["/keys/1/networks", "/keys/2/networks"]
    assert contents(api) == before
    assert api.networks.asked == 1


def test_what_the_organisation_does_not_allow_is_named_by_its_place(api: Management) -> None:
    assert api.ask("PATCH", "/v1/organisation", json={"lifetime_max_days": 30}).status_code == 200
    late = (datetime.now(UTC) + timedelta(days=31)).isoformat()
    before = contents(api)
    told = problem(batch(api, READS, READS | {"expires_at": late}, READS | {"expires_at": None}), 422, "invalid-body")
    assert sorted(told["errors"]) == ["/keys/1/expires_at", "/keys/2/expires_at"]
    assert contents(api) == before
    ((first, second),) = [batch(api, READS, READS | {"expires_in": 60}).json["data"]]
    assert first["expires_at"] > second["expires_at"], "the first by the organisation's word"


def test_a_key_makes_none_that_may_more_than_itself(api: Management) -> None:
    maker = api.create(permissions=["admin"], limits={"minute": 50})["key"]
    before = contents(api)
    within, beyond = READS | {"limits": {"minute": 50}}, READS | {"limits": {"minute": 51}}
    told = problem(batch(api, within, beyond, READS, key=maker), 403, "beyond-own-bounds")
    assert list(told["errors"]) == ["/keys/1", "/keys/2"]
    assert told["detail"].startswith("/keys/1: limits.minute would go beyond")
    assert contents(api) == before
    assert batch(api, within, within, key=maker).status_code == 201
    # What names the problem is told first.
    assert api.ask("PATCH", "/v1/organisation", json={"lifetime_max_days": 30}).status_code == 200
    late = within | {"expires_at": (datetime.now(UTC) + timedelta(days=31)).isoformat()}
    told = problem(batch(api, late, beyond | {"expires_in": 60}, key=maker), 403, "beyond-own-bounds")
    assert sorted(told["errors"]) == ["/keys/0/expires_at", "/keys/1"]
    assert told["detail"].startswith("/keys/1: limits.minute")


@pytest.mark.parametrize("left", [2, 3])
def test_one_key_beyond_the_tier_s_limit_and_none_is_made(api: Management, left: int) -> None:
    admin, allowed = api.another_organisation("free"), ACTIVE_KEYS_MAX["free"]
    assert batch(api, *[READS] * (allowed - 1 - left), key=admin).status_code == 201
    before = contents(api)
    problem(batch(api, *[READS] * (left + 1), key=admin), 409, "too-many-keys")
    # They are told only once nothing is wrong with each.
    maker = batch(api, READS | {"permissions": ["admin"], "limits": {"minute": 5}}, key=admin).json["data"][0]
    told = problem(batch(api, *[READS] * (left + 1), key=maker["key"]), 403, "beyond-own-bounds")
    assert len(told["errors"]) == left + 1
    assert api.ask("DELETE", f"/v1/keys/{maker['id']}", key=admin).status_code == 200
    before = contents(api)
    assert contents(api) == before
    assert batch(api, *[READS] * left, key=admin).status_code == 201


def test_repeated_it_is_answered_with_the_same_keys_without_secrets_and_those_deleted_since(api: Management) -> None:
    headers = {"Idempotency-Key": "lost"}
    first = batch(api, READS, READS | {"name": "other"}, headers=headers).json["data"]
    before = contents(api)
    again = batch(api, READS, READS | {"name": "other"}, headers=headers)
    assert (again.status_code, again.headers["Idempotent-Replay"]) == (201, "true")
    assert [(key["id"], key["key"]) for key in again.json["data"]] == [(key["id"], None) for key in first]
    assert contents(api) == before
    assert api.ask("DELETE", f"/v1/keys/{first[0]['id']}").status_code == 200
    left = batch(api, READS, READS | {"name": "other"}, headers=headers).json["data"]
    assert [key["id"] for key in left] == [first[1]["id"]]
