"""Lists of keys: page by page nothing that is there throughout is missed; several labels; words in any spelling."""

import unicodedata
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.web.asking import problem
from tests.integration.web.management import Management


def page(api: Management, **params: Any) -> Any:
    answer = api.ask("GET", "/v1/keys", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json


def names(listed: Any) -> list[str]:
    return [key["name"] for key in listed["data"]]


@pytest.mark.parametrize("sort", ["-last_used_at", "last_used_at"])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_key_that_is_used_while_one_pages_by_last_use_is_not_missed(api: Management, sort: str, limit: int) -> None:
    """Each of them is used once between two pages, the one not shown yet first; one key all the time."""
    keys = [api.create(name=f"key {number}")["id"] for number in range(6)]
    now = api.keys.clock.now()
    uses = {key_id: now - timedelta(hours=hours) for hours, key_id in enumerate(keys[:4])}
    api.keys.last_use.record(uses)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for turn in range(40):
        listed = page(api, sort=sort, limit=limit, **cursor)
        seen += [key["id"] for key in listed["data"]]
        if listed["next_cursor"] is None:
            break
        cursor = {"cursor": listed["next_cursor"]}
        moved = keys[(len(keys) - 1 - turn) % len(keys)]
        api.keys.last_use.record({each: now + timedelta(seconds=turn + 1) for each in (moved, keys[0])})
    else:
        raise AssertionError("the pages have no end")
    assert set(seen) >= set(keys)


def test_what_never_expires_is_last_of_what_expires_soonest_first(api: Management) -> None:
    for name, hours in (("later", 2), ("never", None), ("soon", 1)):
        api.create(name=name, labels={"list": "it"}, **({} if hours is None else {"expires_in": hours * 3600}))
    assert names(page(api, label="list:it", sort="expires_at")) == ["soon", "later", "never"]
    first = page(api, label="list:it", sort="-expires_at", limit=1)
    rest = page(api, label="list:it", sort="-expires_at", cursor=first["next_cursor"])
    assert names(first) + names(rest) == ["never", "later", "soon"]


def test_several_labels_must_all_hold(api: Management) -> None:
    for name, labels in (("both", {"env": "prod", "team": "x"}), ("one", {"env": "prod"}), ("none", {})):
        api.create(name=name, labels=labels)
    assert names(page(api, label=["env:prod", "team:x"])) == ["both"]
    assert names(page(api, label="env:prod", sort="name")) == ["both", "one"]
    problem(api.ask("GET", "/v1/keys", params={"label": ["env:prod", "team"]}), 400, "invalid-request")
    problem(api.ask("GET", "/v1/keys", params={"label": [f"a{n}:b" for n in range(11)]}), 400, "invalid-request")
    problem(api.ask("GET", "/v1/keys", params={"q": ["a", "b"]}), 400, "invalid-request")


def test_a_cursor_is_refused_where_the_filter_is_another(api: Management) -> None:
    cursor = page(api, status="active", limit=1)["next_cursor"] or ""
    api.create()
    cursor = page(api, status="active", limit=1)["next_cursor"]
    body = problem(api.ask("GET", "/v1/keys", params={"status": "revoked", "cursor": cursor}), 400, "invalid-request")
    assert "another status" in body["detail"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("asked", ["NFC", "NFD"])
def test_words_are_found_however_their_accents_and_case_were_typed(api: Management, form: Any, asked: Any) -> None:
    api.create(name=unicodedata.normalize(form, "Étna Straße"))
    for text in ("étna", "ÉTNA STRASSE"):
        assert len(page(api, q=unicodedata.normalize(asked, text))["data"]) == 1
