"""A key that loses its power between its gate's verdict and the commit: usage takes its change back, and says why."""

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import falcon
import pytest
from sqlalchemy import Connection, select

from services.usage import assembly
from services.usage.alerting.tables import alert_rule
from services.usage.notifications.tables import channel, delivery
from shared.sql.database import Database
from shared.web.operation import operation_of
from tests.integration.web.asking import problem
from tests.integration.web.management import Management
from tests.integration.web.test_fenced_commands import ENDINGS, end

HOOK = {"kind": "webhook", "url": "https://hooks.example.org/grillo"}
CHANGES: dict[tuple[str, str], dict[str, Any] | None] = {
    ("POST", "/v1/alert-rules"): {"kind": "quota"},
    ("PATCH", "/v1/alert-rules/{rule_id}"): {"muted": True},
    ("DELETE", "/v1/alert-rules/{rule_id}"): None,
    ("POST", "/v1/channels"): HOOK,
    ("PATCH", "/v1/channels/{channel_id}"): {"disabled": True},
    ("DELETE", "/v1/channels/{channel_id}"): None,
    ("POST", "/v1/channels/{channel_id}/rotate-secret"): {"overlap_seconds": 60},
    ("POST", "/v1/channels/{channel_id}/test"): {},
    ("POST", "/v1/channels/{channel_id}/replay"): {},
    ("POST", "/v1/deliveries/{delivery_id}/redeliver"): {},
}


class EndingFirst:
    """The database, whose transactions begin a moment too late: by then `meanwhile` has happened."""

    def __init__(self, database: Database, meanwhile: Callable[[], object]) -> None:
        self._database, self._meanwhile = database, meanwhile

    def transaction(self) -> AbstractContextManager[Connection]:
        self._meanwhile()
        return self._database.transaction()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


def contents(api: Management) -> list[Any]:
    with api.usage.database.reading() as tx:
        return [tx.execute(select(table)).all() for table in (alert_rule, channel, delivery)]


def test_every_operation_of_usage_that_changes_something_is_among_them() -> None:
    changing = {
        (method, path)
        for path, resource in assembly.documented_routes()
        for method in sorted(set(falcon.HTTP_METHODS) - {"GET", "HEAD", "OPTIONS"})
        if operation_of(resource, method) is not None
    }
    assert changing == set(CHANGES)


@pytest.mark.parametrize("refusal", ENDINGS)
def test_a_change_is_taken_back_when_its_key_lost_its_power_meanwhile(api: Management, refusal: str) -> None:
    def lose(key_id: str) -> None:
        end(api, key_id, ENDINGS[refusal])
        api.replica.pull()

    for answer in changed_while(api, lose):
        problem(answer, 403 if refusal == "insufficient-permission" else 401, refusal)
        if refusal == "insufficient-permission":
            assert answer.headers["WWW-Authenticate"].endswith('scope="admin"')


def test_a_change_is_taken_back_when_its_gate_s_lease_ran_out_meanwhile(api: Management) -> None:
    """As of a process that was stopped: its key may be revoked, and the receipt have counted this gate out."""

    def stop(key_id: str) -> None:
        end(api, key_id, ENDINGS["key-revoked"])
        api.replica.fresh_until = api.replica._clock.elapsed_seconds()

    for answer in changed_while(api, stop):
        problem(answer, 503, "gate-not-fresh")
        assert int(answer.headers["Retry-After"]) > 0


def test_a_change_is_taken_back_when_an_event_of_its_key_could_not_be_applied_meanwhile(api: Management) -> None:
    for answer in changed_while(api, api.replica.grants.unappliable.add):
        problem(answer, 503, "unavailable")


def changed_while(api: Management, meanwhile: Callable[[str], object]) -> Iterator[Any]:
    """The answers to all changes, each by a key of its own that passed the gate before `meanwhile` happened to it.

    None of them may have committed anything.
    """
    api.usage.subscription.pull()
    ids = {
        "rule_id": api.ask("POST", "/v1/alert-rules", json={"kind": "quota"}).json["id"],
        "channel_id": (hook := api.ask("POST", "/v1/channels", json=HOOK).json["id"]),
        "delivery_id": api.ask("POST", f"/v1/channels/{hook}/test", json={}).json["id"],
    }
    before, stores = contents(api), (api.usage.rules, api.usage.channels, api.usage.delivery_views)
    stolen = [api.create(permissions=["admin"]) for _ in CHANGES]
    api.bell.replica = None
    for key, ((method, path), body) in zip(stolen, CHANGES.items(), strict=True):
        api.replica.pull()
        for store in stores:
            late = EndingFirst(api.usage.database, functools.partial(meanwhile, key["id"]))
            store._database = late  # type: ignore[assignment]
        yield api.ask(method, path.format(**ids), key=key["key"], json=body)
        assert contents(api) == before
