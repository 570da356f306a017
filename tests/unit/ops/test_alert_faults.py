"""A new alert that fires within two minutes comes with the fault that makes it fire on the running system."""

from tests.faults.alerts_told import ALONG, ROUNDS
from tests.faults.scaled_rules import alerts

FOR_SECONDS_MAX = 120


def test_each_alert_that_soon_fires_has_one_fault() -> None:
    made = [alert for faults in (ALONG, *ROUNDS) for told in faults.values() for alert in told]
    assert sorted(made) == sorted(alert for alert, seconds in alerts().items() if seconds <= FOR_SECONDS_MAX)
