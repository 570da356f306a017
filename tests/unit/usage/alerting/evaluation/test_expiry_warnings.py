"""Warnings of keys become alerts: that a key expires, or is unused."""

from datetime import datetime, timedelta

from services.usage.alerting.evaluation.observation import ExpiryCleared, ExpiryWarning
from services.usage.alerting.evaluation.queue import queue_evaluation
from services.usage.alerting.rules.rule import ExpiringParameters, Kind
from tests.examples import NOON
from tests.unit.usage.alerting.world import DAY, ORGANISATION, SECOND, World


def near(reason: str, days_left: int, expires_at: datetime = NOON + DAY) -> ExpiryWarning:
    return ExpiryWarning(
        key_id="key_a",
        organisation_id=ORGANISATION,
        warned_at=NOON,
        expires_at=expires_at,
        days_left=days_left,
        reason=reason,
    )


def hear(world: World, *heard: ExpiryWarning | ExpiryCleared) -> None:
    with world.database.transaction() as tx:
        for one in heard:
            queue_evaluation(tx, one)
    world.evaluator.run()


def test_a_warning_of_keys_is_an_alert_once_and_over_when_the_key_was_seen_to(world: World) -> None:
    hear(world, near("time", 14), near("time", 14), near("unused", 7))
    assert sorted(alert.kind for alert in world.raised()) == ["key-expiring", "key-unused"]
    hear(world, ExpiryCleared(key_id="key_a", at=NOON))
    assert all(alert.resolved_at for alert in world.raised())


def test_days_left_are_whole_ones_rounded_down_beside_the_threshold_that_was_crossed(world: World) -> None:
    hear(world, near("time", 14, NOON + 13 * DAY - timedelta(minutes=15)))
    (alert,) = world.raised()
    assert (alert.facts.days_left, alert.facts.threshold_days) == (12, 14)


def test_an_unused_key_that_is_used_again_is_unused_no_more(world: World) -> None:
    hear(world, near("unused", 7), near("time", 1))
    world.see(NOON)
    assert {alert.kind: alert.resolved_at is None for alert in world.raised()} == {
        "key-unused": False,
        "key-expiring": True,
    }


def test_a_key_that_is_used_before_the_rules_look_is_not_left_as_unused(world: World) -> None:
    with world.database.transaction() as tx:
        queue_evaluation(tx, near("unused", 7))
    world.see(NOON)
    assert world.raised() == []


def test_a_key_whose_use_keys_had_not_heard_of_is_not_told_as_unused(world: World) -> None:
    """It was counted and looked at already: nothing would end the alert but another use, or the day it warns of."""
    world.see(NOON - SECOND)
    hear(world, near("unused", 7), near("time", 1))
    assert [alert.kind for alert in world.raised()] == ["key-expiring"]


def test_a_use_that_keys_knew_of_takes_no_warning_away(world: World) -> None:
    world.see(NOON - 2 * DAY)
    hear(world, near("unused", 7))
    assert [alert.kind for alert in world.raised()] == ["key-unused"]


def test_a_rule_for_the_last_day_is_not_met_two_weeks_before(world: World) -> None:
    world.change(Kind.KEY_EXPIRING, parameters=ExpiringParameters(days=1))
    hear(world, near("time", 14), near("time", 3))
    assert world.raised() == []
    hear(world, near("time", 1))
    assert len(world.raised()) == 1
