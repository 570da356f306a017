"""A key that is dead and still used: somebody is told, once a day."""

from datetime import timedelta

import pytest

from services.usage import assembly
from services.usage.alert import Alerts, dead_keys_used, raise_alerts
from shared.database import Database
from shared.migrations import migrate
from tests.examples import NOON
from tests.unit.usage.test_metering import record

DAY = timedelta(days=1)


@pytest.fixture
def migrated(database: Database) -> Database:
    migrate(database, assembly.MIGRATIONS)
    return database


def test_only_the_right_secret_of_a_refused_key_is_a_fact() -> None:
    records = [
        record(key_id="key_1", status=401, at=NOON),
        record(key_id="key_2", status=403, at=NOON),
        record(key_id="key_3", status=200, at=NOON),
        record(key_id=None, status=401, at=NOON),
    ]
    assert [key_id for key_id, _ in dead_keys_used(records)] == ["key_1"]


def test_the_days_first_request_is_the_fact_in_whatever_order_they_come() -> None:
    later, first = record(key_id="key_1", status=401, at=NOON), record(key_id="key_1", status=401, at=NOON - DAY / 4)
    assert list(dead_keys_used([later, first]).values()) == [first]


def test_one_alert_a_key_and_day_however_often_it_is_met(migrated: Database) -> None:
    met = [record(key_id="key_1", status=401, at=NOON + DAY * n) for n in (0, 0, 1)]
    for _ in range(3):
        with migrated.transaction() as tx:
            raise_alerts(tx, met, NOON)
    alerts = Alerts(migrated)
    raised = alerts.of_organisation("org_railway", limit=10)
    assert {alert.facts.at for alert in raised} == {met[0].at, met[2].at}
    assert len(raised) == 2
    assert {(alert.kind, alert.key_id) for alert in raised} == {("dead-key-used", "key_1")}
    assert alerts.of_organisation("org_2", limit=10) == ()
