"""Procedures of usage that pages ask: an activity with conditions, its file, limits spent, an organisation's keys."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import insert

from services.usage import service as usage_service
from services.usage import tables
from services.usage.activity.timeline import ActivityTimeline
from services.usage.counters.statistics import Statistics
from services.usage.intake.metering import Metering
from services.usage.known_keys.directory import KnownKeys
from services.usage.known_keys.keys_client import KeysClient
from services.usage.service import UsageService
from shared.contracts.errors import InvalidArguments, NotFound
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.values.timestamps import rfc3339
from tests.examples import NOON
from tests.usage_examples import batch, in_range, record

DAY = (rfc3339(NOON - timedelta(days=1)), rfc3339(NOON + timedelta(days=1)))


class Keys:
    def history(self, organisation_id: str, key_id: str, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        created = {"revision": 1, "type": "KeyCreated", "at": rfc3339(NOON - timedelta(hours=1))}
        return in_range([created | {"actor": "usr_1", "request_id": None, "facts": {}}], where)


@pytest.fixture
def usage(usage_database: Database, metering: Metering, clock: ManualClock) -> Any:
    """The service without its container: its procedures take and answer what goes over the wire."""
    with usage_database.transaction() as tx:
        for key_id, organisation_id in (("key_a", "org_railway"), ("key_b", "org_railway"), ("key_c", "org_other")):
            known = {"key_id": key_id, "organisation_id": organisation_id, "hint": f"hint of {key_id}"}
            tx.execute(insert(tables.known_key).values(**known))
    metering.take_in(
        batch(
            record(-60, request_id="old"),
            record(0, status=429, cost=0, request_id="refused"),
            record(1, address="198.51.100.1", request_id="elsewhere"),
            record(2, key_id="key_b"),
            record(3, key_id="key_b", status=403, cost=0),
            record(4, key_id="key_b", status=403, cost=0),
            record(5, key_id="key_c", organisation_id="org_other"),
        )
    )
    service = UsageService()
    service.statistics, service.known_keys = Statistics(usage_database), KnownKeys(usage_database)
    service.activity_ = ActivityTimeline(usage_database, cast("KeysClient", Keys()))
    service.clock = clock
    return service


def told(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["request"]["request_id"] if entry["request"] else entry["lifecycle"]["type"] for entry in entries]


def test_an_activity_is_narrowed_by_each_condition_and_goes_on_after_a_place(usage: Any) -> None:
    def asked(**where: str) -> list[str]:
        return told(usage.activity("org_railway", "key_a", where=where))

    assert asked() == ["elsewhere", "refused", "old", "KeyCreated"]
    assert asked(status="4xx") == ["refused"]
    assert asked(address="198.51.100.1") == ["elsewhere"]
    assert asked(request_id="old") == ["old"]
    assert asked(start=rfc3339(NOON), end=rfc3339(NOON + timedelta(seconds=1))) == ["refused"]
    newest = usage.activity("org_railway", "key_a", 2)
    following = usage.activity("org_railway", "key_a", 2, None, {}, newest[-1]["place"])
    assert told(newest) + told(following) == asked()


def test_a_file_has_every_entry_once_and_one_header(usage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_service, "FILE_ENTRIES", 3)
    first = usage.activity_file("org_railway", "key_a")
    last = usage.activity_file("org_railway", "key_a", {}, first["next"])
    lines = (first["text"] + last["text"]).removeprefix("\ufeff").splitlines()
    assert lines[0].startswith("at,kind,")
    assert [line.split(",")[1] for line in lines[1:]] == ["request", "request", "request", "lifecycle"]
    assert last["next"] is None


def test_what_is_spent_and_when_the_day_will_be_used_up(usage: Any, clock: ManualClock) -> None:
    clock.advance(2)
    assert usage.used("org_railway", "key_a", 100) == {"minute": 1, "day": 2, "day_exhausted_at": None}
    assert usage.used("org_railway", "key_a", 2)["day_exhausted_at"] == rfc3339(clock.now())


def test_an_organisation_s_keys_are_its_own_the_heaviest_and_the_most_refused_first(usage: Any) -> None:
    for step in ("MINUTE", "HOUR", "DAY"):
        summary = usage.organisation_summary("org_railway", *DAY, step)
        assert summary["total"] == 6
        requests = [(key["key_id"], key["requests"]) for key in summary["keys"]]
        assert requests == [("key_a", 3), ("key_b", 3)]
        refused = [(key["key_id"], key["requests"]) for key in summary["refused_keys"]]
        assert refused == [("key_b", 2), ("key_a", 1)]


def test_another_organisation_s_key_is_no_key_and_strange_conditions_are_refused(usage: Any) -> None:
    for procedure in (usage.used, usage.activity_file, usage.activity):
        with pytest.raises(NotFound):
            procedure("org_other", "key_a")
    # Requests alone are asked of nobody else.
    for procedure, limit in ((usage.activity, [20, None]), (usage.activity_file, [])):
        with pytest.raises(NotFound):
            procedure("org_other", "key_a", *limit, {"status": "2xx"})
    for where in ({"status": "9xx"}, {"route": ""}, {"start": "soon"}, {"colour": "red"}):
        with pytest.raises(InvalidArguments):
            usage.activity("org_railway", "key_a", where=where)
    for after in ([1, 2], ["a", 1, 2], 7):
        with pytest.raises(InvalidArguments):
            usage.activity_file("org_railway", "key_a", {}, after)
