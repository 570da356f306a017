"""Rules, channels, alerts and deliveries over HTTP: strict in what they take, and each organisation's own."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from services.usage import tables
from services.usage.alerting.rules.rule import Kind
from services.usage.alerting.rules.rule_store import RULES_MAX
from services.usage.alerting.tables import alert_rule
from services.usage.notifications.channels.channel_store import CHANNELS_MAX
from shared.contracts.usage import RequestMetered
from shared.sql.database import Database
from tests.integration.web.asking import problem
from tests.integration.web.management import Management
from tests.usage_examples import record

URL = "https://hooks.example.org/grillo"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")


@pytest.fixture
def managed(api: Management) -> Management:
    """Usage has followed the log, so the organisation has its default rules."""
    api.usage.subscription.pull()
    return api


def made(api: Management, path: str, **body: Any) -> dict[str, Any]:
    answer = api.ask("POST", path, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"{path}/{answer.json['id']}"
    created: dict[str, Any] = answer.json
    return created


def channel(api: Management, **different: Any) -> dict[str, Any]:
    return made(api, "/v1/channels", **{"kind": "webhook", "url": URL} | different)


def listed(api: Management, path: str, **params: Any) -> list[dict[str, Any]]:
    answer = api.ask("GET", path, params=params)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json["data"]
    return data


def test_every_organisation_has_one_rule_of_each_kind_from_the_start(managed: Management) -> None:
    rules = listed(managed, "/v1/alert-rules", limit=100)
    assert {rule["kind"] for rule in rules} == set(Kind)
    assert {(rule["muted"], rule["label"], rule["key_ids"]) for rule in rules} == {(False, None, None)}
    (quota,) = [rule for rule in rules if rule["kind"] == "quota"]
    assert quota["parameters"] == {"thresholds_percent": [80, 100]}


def test_a_rule_is_made_shown_changed_muted_and_deleted(managed: Management) -> None:
    key_id, hook = managed.create()["id"], channel(managed)["id"]  # of which usage's follower has not heard
    wanted = {"parameters": {"thresholds_percent": [50]}, "key_ids": [key_id], "channels": [hook]}
    rule = made(managed, "/v1/alert-rules", kind="quota", **wanted)
    assert {name: rule[name] for name in wanted} == wanted
    path = f"/v1/alert-rules/{rule['id']}"
    shown = managed.ask("GET", path)
    assert (shown.json, shown.headers["ETag"][:5]) == (rule, 'W/"1.')
    assert rule["warnings"] == []
    muted = managed.ask("PATCH", path, json={"muted": True, "label": "env:prod"}, headers={"If-Match": '"1"'})
    assert muted.json == rule | {"muted": True, "label": "env:prod", "key_ids": None, "revision": 2}
    problem(managed.ask("PATCH", path, json={"muted": False}, headers={"If-Match": '"1"'}), 412, "precondition-failed")
    assert managed.ask("DELETE", path).json["id"] == rule["id"]
    problem(managed.ask("GET", path), 404, "not-found")
    problem(managed.ask("DELETE", path), 404, "not-found")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/kind"),
        ({"kind": "weather"}, "/kind"),
        ({"kind": "quota", "parameters": {"thresholds_percent": [0]}}, "/parameters/thresholds_percent"),
        ({"kind": "quota", "parameters": {"thresholds_percent": [101]}}, "/parameters/thresholds_percent"),
        ({"kind": "quota", "parameters": {"thresholds_percent": []}}, "/parameters/thresholds_percent"),
        ({"kind": "quota", "parameters": {"thresholds_percent": [90, 80]}}, "/parameters/thresholds_percent"),
        ({"kind": "quota", "parameters": {"thresholds_percent": [79.5]}}, "/parameters/thresholds_percent"),
        ({"kind": "quota", "parameters": {"thresholds_percent": 80}}, "/parameters/thresholds_percent"),
        ({"kind": "quota", "parameters": {"threshold": 80}}, "/parameters/threshold"),
        ({"kind": "error-rate", "parameters": {"threshold_percent": -1}}, "/parameters/threshold_percent"),
        ({"kind": "error-rate", "parameters": {"requests_min": 10**12}}, "/parameters/requests_min"),
        ({"kind": "volume", "parameters": {"factor": 1}}, "/parameters/factor"),
        ({"kind": "volume", "parameters": {"factor": "many"}}, "/parameters/factor"),
        ({"kind": "key-expiring", "parameters": {"days": 400}}, "/parameters/days"),
        ({"kind": "new-source", "parameters": {"days": 1}}, "/parameters/days"),
        ({"kind": "quota", "key_ids": ["key_of_nobody"]}, "/key_ids/0"),
        ({"kind": "quota", "key_ids": []}, "/key_ids"),
        ({"kind": "quota", "channels": ["chn_of_nobody"]}, "/channels/0"),
        ({"kind": "quota", "label": "prod"}, "/label"),
        ({"kind": "quota", "label": "env:prod", "key_ids": ["key_of_nobody"]}, "/label"),
        ({"kind": "quota", "muted": 1}, "/muted"),
        ({"kind": "quota", "name": "mine"}, "/name"),
    ],
    ids=str,
)
def test_a_rule_that_makes_no_sense_is_refused_by_name(managed: Management, body: dict[str, Any], pointer: str) -> None:
    answer = problem(managed.ask("POST", "/v1/alert-rules", json=body), 422, "invalid-body")
    assert [at for at in answer["errors"] if at.startswith(pointer)], answer["errors"]


def test_a_rule_s_kind_is_for_good_and_its_parameters_fit_it(managed: Management) -> None:
    rule = made(managed, "/v1/alert-rules", kind="volume")
    assert rule["parameters"] == {"factor": 5, "requests_min": 100}
    path = f"/v1/alert-rules/{rule['id']}"
    assert "/kind" in problem(managed.ask("PATCH", path, json={"kind": "quota"}), 422, "invalid-body")["errors"]
    problem(managed.ask("PATCH", path, json={"parameters": {"thresholds_percent": [5]}}), 422, "invalid-body")


def test_a_webhook_s_secret_is_shown_once_and_rotated_with_an_overlap(managed: Management) -> None:
    created = managed.ask("POST", "/v1/channels", json={"kind": "webhook", "url": URL, "events": ["KeyRevoked"]})
    assert SECRET.fullmatch(created.json["secret"])
    assert created.headers["Cache-Control"] == "no-store"
    path = f"/v1/channels/{created.json['id']}"
    shown = managed.ask("GET", path).json
    assert shown == {name: value for name, value in created.json.items() if name != "secret"}
    before = datetime.now(UTC)
    rotated = managed.ask("POST", f"{path}/rotate-secret", json={"overlap_seconds": 60})
    after = datetime.now(UTC)
    assert SECRET.fullmatch(rotated.json["secret"])
    assert rotated.json["secret"] != created.json["secret"]
    assert rotated.headers["Cache-Control"] == "no-store"
    until = datetime.fromisoformat(rotated.json["previous_secret_until"])
    assert before <= until - timedelta(seconds=60) <= after
    lost = managed.ask("POST", f"{path}/rotate-secret", json={"instead": True})
    assert lost.json["secret"] not in (created.json["secret"], rotated.json["secret"])
    assert lost.json["previous_secret_until"] == rotated.json["previous_secret_until"]
    both = managed.ask("POST", f"{path}/rotate-secret", json={"instead": True, "overlap_seconds": 60})
    assert "/instead" in problem(both, 422, "invalid-body")["errors"]
    assert (
        managed.ask("POST", f"{path}/rotate-secret", json={"overlap_seconds": 0}).json["previous_secret_until"] is None
    )
    assert "secret" not in managed.ask("GET", path).json


def test_a_channel_is_changed_disabled_enabled_and_deleted(managed: Management) -> None:
    created = channel(managed)
    path = f"/v1/channels/{created['id']}"
    moved = managed.ask("PATCH", path, json={"url": URL + "/2", "events": ["KeyCreated", "AlertRaised"]})
    assert (moved.json["url"], moved.json["events"]) == (URL + "/2", ["KeyCreated", "AlertRaised"])
    assert managed.ask("PATCH", path, json={"disabled": True}).json["disabled_at"]
    problem(managed.ask("POST", f"{path}/test"), 409, "conflict")
    assert managed.ask("PATCH", path, json={"disabled": False}).json["disabled_at"] is None
    problem(managed.ask("PATCH", path, json={}, headers={"If-Match": '"1"'}), 412, "precondition-failed")
    assert managed.ask("DELETE", path).json["id"] == created["id"]
    assert listed(managed, "/v1/channels") == []


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.7:8443/x",
        "https://169.254.169.254/latest/meta-data",
        "https://user:password@hooks.example.org/",
        "https://hooks.example.org/#part",
        "https:///path",
        "https://hooks.example.org:99999/",
        "ftp://hooks.example.org/",
        "hooks.example.org",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\r\nX: y",
        "https://hooks.éxample.org/",
        "https://hooks.example.org/" + "x" * 2048,
        f"https://hooks.example.org/grl_{'a' * 49}",
    ],
)
def test_a_url_that_may_not_be_sent_to_is_refused(managed: Management, url: str) -> None:
    answer = problem(managed.ask("POST", "/v1/channels", json={"kind": "webhook", "url": url}), 422, "invalid-body")
    assert list(answer["errors"]) == ["/url"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "email", "url": URL}, "/address"),
        ({"kind": "webhook", "address": "ops@example.org"}, "/url"),
        ({"kind": "webhook", "url": URL, "address": "ops@example.org"}, "/address"),
        ({"kind": "email", "address": "Ops <ops@example.org>"}, "/address"),
        ({"kind": "email", "address": "ops@example.org\nBcc: all@example.org"}, "/address"),
        ({"kind": "email", "address": "ops@localhost"}, "/address"),
        ({"kind": "webhook", "url": URL, "events": ["Weather"]}, "/events/0"),
        ({"kind": "webhook", "url": URL, "events": []}, "/events"),
        ({"kind": "webhook", "url": URL, "secret": "whsec_mine"}, "/secret"),
        ({"kind": "pigeon", "url": URL}, "/kind"),
    ],
    ids=str,
)
def test_a_channel_that_makes_no_sense_is_refused_by_name(
    managed: Management, body: dict[str, Any], pointer: str
) -> None:
    answer = problem(managed.ask("POST", "/v1/channels", json=body), 422, "invalid-body")
    assert pointer in answer["errors"]


def test_mail_has_no_secret(managed: Management) -> None:
    created = made(managed, "/v1/channels", kind="email", address="ops@example.org")
    assert (created["address"], created["secret"]) == ("ops@example.org", None)
    problem(managed.ask("POST", f"/v1/channels/{created['id']}/rotate-secret"), 409, "conflict")


def test_there_are_only_so_many(managed: Management) -> None:
    for _ in range(CHANNELS_MAX):
        channel(managed)
    problem(managed.ask("POST", "/v1/channels", json={"kind": "webhook", "url": URL}), 409, "conflict")
    for _ in range(RULES_MAX - len(Kind)):
        made(managed, "/v1/alert-rules", kind="quota")
    problem(managed.ask("POST", "/v1/alert-rules", json={"kind": "quota"}), 409, "conflict")
    document = managed.ask("GET", "/openapi.json").json["paths"]
    for path, most in (("/v1/channels", CHANNELS_MAX), ("/v1/alert-rules", RULES_MAX)):
        assert f"of {most} at most" in document[path]["post"]["summary"]


@pytest.mark.parametrize("path", ["/v1/alert-rules", "/v1/channels"])
def test_lists_go_page_by_page(managed: Management, path: str) -> None:
    for _ in range(3):
        channel(managed)
    ids: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = managed.ask("GET", path, params=params).json
        ids += [item["id"] for item in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(ids) == len(set(ids)) == {"/v1/alert-rules": len(Kind), "/v1/channels": 3}[path]
    problem(managed.ask("GET", path, params={"cursor": "made-up"}), 400, "invalid-request")
    problem(managed.ask("GET", path, params={"page": "2"}), 400, "invalid-request")


def test_a_test_message_is_a_delivery_of_its_own_and_may_be_sent_again(managed: Management) -> None:
    hook, other = channel(managed), channel(managed)
    sent = managed.ask("POST", f"/v1/channels/{hook['id']}/test")
    assert (sent.status_code, sent.json["status"], sent.json["type"]) == (202, "pending", "ChannelTested")
    assert sent.json["payload"]["data"] == {"channel_id": hook["id"]}
    assert listed(managed, "/v1/deliveries") == [sent.json]
    assert managed.ask("GET", f"/v1/deliveries/{sent.json['id']}").json == sent.json
    again = managed.ask("POST", f"/v1/deliveries/{sent.json['id']}/redeliver")
    assert (again.status_code, again.json["webhook_id"]) == (202, sent.json["webhook_id"])
    assert listed(managed, "/v1/deliveries", channel_id=other["id"]) == []
    assert listed(managed, "/v1/deliveries", status="failed") == []
    managed.ask("DELETE", f"/v1/channels/{hook['id']}")
    assert [one["status"] for one in listed(managed, "/v1/deliveries")] == ["failed"]
    problem(managed.ask("POST", f"/v1/deliveries/{sent.json['id']}/redeliver"), 409, "conflict")


def test_an_alert_is_listed_with_its_facts_while_it_stands(managed: Management) -> None:
    key_id = managed.create(limits={"minute": 10})["id"]
    managed.usage.subscription.pull()
    used = tuple(record(key_id=key_id, organisation_id=managed.organisation_id, at=datetime.now(UTC)) for _ in range(8))
    managed.usage.metering.take_in(RequestMetered(segment="s", start=0, end=1, records=used))
    managed.usage.alerting_scheduler.evaluate()
    (alert,) = listed(managed, "/v1/alerts", key_id=key_id)
    facts = alert["facts"]
    assert (alert["kind"], facts["window"], facts["used"], facts["limit"]) == ("quota", "minute", 8, 10)
    assert "address" not in facts
    assert (alert["muted"], alert["resolved_at"]) == (False, None)
    assert managed.ask("GET", f"/v1/alert-rules/{alert['rule_id']}").json["kind"] == "quota"
    assert listed(managed, "/v1/alerts", status="open") == [alert]
    assert listed(managed, "/v1/alerts", status="resolved") == []
    assert listed(managed, "/v1/alerts", key_id="key_of_nobody") == []
    assert managed.ask("GET", f"/v1/alerts/{alert['id']}").json == alert
    problem(managed.ask("GET", f"/v1/alerts/{alert['id']}", key=managed.another_organisation()), 404, "not-found")
    at = alert["raised_at"]
    later = (datetime.fromisoformat(at) + timedelta(microseconds=1)).isoformat()
    for found, filters in (
        ([alert], {"kind": "quota", "rule_id": alert["rule_id"], "from": at, "to": later}),
        ([], {"kind": "volume"}),
        ([], {"rule_id": "rul_of_nobody"}),
        ([], {"rule_id": "%"}),
        ([], {"to": at}),
        ([], {"from": later}),
    ):
        assert listed(managed, "/v1/alerts", **filters) == found
    problem(managed.ask("GET", "/v1/alerts", params={"kind": "weather"}), 400, "invalid-request")


def test_what_a_key_s_life_brings_is_told_to_channels_that_asked_and_names_no_digest_and_no_words(
    managed: Management,
) -> None:
    hook = channel(managed, events=["KeyCreated", "KeyRevoked"])
    key = managed.create(name="Zanzibar railway")
    managed.ask("POST", f"/v1/keys/{key['id']}/suspend")
    managed.ask("POST", f"/v1/keys/{key['id']}/revoke", json={"note": "Zanzibar"})
    managed.usage.subscription.pull()
    deliveries = listed(managed, "/v1/deliveries", channel_id=hook["id"])
    assert sorted(delivery["type"] for delivery in deliveries) == ["KeyCreated", "KeyRevoked"]
    for delivery in deliveries:
        data = delivery["payload"]["data"]
        assert (data["key_id"], data["hint"]) == (key["id"], key["hint"])
        assert "digest" not in data
        assert "Zanzibar" not in str(delivery)
    managed.usage.subscription.restart()
    managed.usage.subscription.pull()
    assert len(listed(managed, "/v1/deliveries")) == 2


def test_a_database_of_before_learns_limits_and_default_rules_from_the_log(managed: Management) -> None:
    """As after the migration that brought them: no checkpoint, keys without limits, and no organisation known."""
    key_id = managed.create(limits={"minute": 10})["id"]
    managed.usage.subscription.pull()
    with managed.usage.database.transaction() as tx:
        tx.execute(update(tables.known_key).values(minute_limit=None))
        for table in (tables.known_organisation, alert_rule, tables.checkpoint):
            tx.execute(delete(table))
    managed.usage.subscription.pull()
    assert {rule["kind"] for rule in listed(managed, "/v1/alert-rules")} == set(Kind)
    with managed.usage.database.reading() as tx:
        query = select(tables.known_key.c.minute_limit).where(tables.known_key.c.key_id == key_id)
        assert tx.execute(query).scalar_one() == 10
        assert tx.execute(select(tables.known_organisation.c.tier)).scalars().all() == ["premium"]


def test_another_organisation_sees_and_touches_none_of_it(managed: Management) -> None:
    hook = channel(managed)
    rule = made(managed, "/v1/alert-rules", kind="quota", channels=[hook["id"]])
    delivery = managed.ask("POST", f"/v1/channels/{hook['id']}/test").json
    other = managed.another_organisation()
    managed.usage.subscription.pull()
    for path in (f"/v1/channels/{hook['id']}", f"/v1/alert-rules/{rule['id']}", f"/v1/deliveries/{delivery['id']}"):
        problem(managed.ask("GET", path, key=other), 404, "not-found")
    for path in (f"/v1/channels/{hook['id']}", f"/v1/alert-rules/{rule['id']}"):
        problem(managed.ask("PATCH", path, key=other, json={}), 404, "not-found")
        problem(managed.ask("DELETE", path, key=other), 404, "not-found")
    for path in (
        f"/v1/channels/{hook['id']}/test",
        f"/v1/channels/{hook['id']}/rotate-secret",
        f"/v1/deliveries/{delivery['id']}/redeliver",
    ):
        problem(managed.ask("POST", path, key=other), 404, "not-found")
    body = {"kind": "quota", "channels": [hook["id"]]}
    problem(managed.ask("POST", "/v1/alert-rules", key=other, json=body), 422, "invalid-body")
    for path in ("/v1/channels", "/v1/deliveries", "/v1/alerts"):
        assert managed.ask("GET", path, key=other).json["data"] == []


def test_it_takes_an_admin(managed: Management) -> None:
    reader = managed.create()["key"]
    for path in ("/v1/channels", "/v1/deliveries", "/v1/alerts", "/v1/alert-rules"):
        problem(managed.ask("GET", path, key=reader), 403, "insufficient-permission")


def test_no_secret_lies_in_the_database(managed: Management) -> None:
    created = channel(managed)
    database: Database = managed.usage.database
    with database.engine.connect() as connection:
        stored = "\n".join(connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    assert created["id"] in stored
    assert created["secret"].removeprefix("whsec_") not in stored
