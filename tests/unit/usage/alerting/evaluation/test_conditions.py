"""What was taken in raises alerts a moment later: each once, told once, kept up while it is met, resolved when over."""

from typing import Any

from sqlalchemy import delete

from services.usage import tables
from services.usage.alerting.rules.rule import Kind, QuotaParameters, default_id
from services.usage.retention.erasure import erase
from tests.examples import NOON
from tests.unit.usage.alerting.world import DAY, HOUR, MINUTE, ORGANISATION, SECOND, World, evenly


def test_eighty_percent_of_a_minute_raise_one_alert_whose_payload_says_of_what(world: World) -> None:
    assert world.see(*evenly(7, 50)) == []
    (alert,) = world.see(NOON)
    facts = {name: getattr(alert.facts, name) for name in ("window", "threshold_percent", "limit", "used", "at")}
    assert facts == {"window": "minute", "threshold_percent": 80, "limit": 10, "used": 8, "at": NOON}
    assert world.see(NOON) == []
    (told,) = world.told()
    assert (told["type"], told["data"]["alert_id"]) == ("AlertRaised", alert.id)
    assert told["data"]["hint"] == "grl_abcd…wxyz"
    assert told["data"]["facts"]["used"] == 8
    assert world.announced() == ["AlertRaised"]


def test_sixty_seconds_are_counted_wherever_the_minutes_of_the_clock_end(world: World) -> None:
    late = NOON + 30 * SECOND
    assert len(world.see(*evenly(8, 59, until=late))) == 1
    assert [alert for alert in world.see(*evenly(8, 70, until=late), key_id="key_b") if alert.key_id == "key_b"] == []


def test_the_day_has_thresholds_of_its_own_and_ends_at_midnight(world: World) -> None:
    morning = NOON.replace(hour=1)
    spread = [morning + 7 * MINUTE * at for at in range(80)]
    (alert,) = world.see(*spread)
    assert (alert.facts.window, alert.facts.used, alert.facts.limit) == ("day", 80, 100)
    world.evaluator.settle()
    assert world.raised()[0].resolved_at is None
    world.clock.advance(12 * 3600)
    world.evaluator.settle()
    assert world.raised()[0].resolved_at == NOON + 12 * HOUR


def test_refused_requests_cost_nothing_and_raise_nothing_of_the_quota(world: World) -> None:
    world.see(*evenly(19, 50), cost=0, status=429)
    assert world.raised(Kind.QUOTA) == []


def test_a_key_s_own_limits_and_an_unlimited_day_count(world: World) -> None:
    with world.database.transaction() as tx:
        tx.execute(tables.known_key.update().where(tables.known_key.c.key_id == "key_b").values(minute_limit=2))
    (alert,) = world.see(NOON, NOON, key_id="key_b")[:1]
    assert alert.facts.limit == 2
    with world.database.transaction() as tx:
        tx.execute(tables.known_organisation.update().values(tier="premium"))
    assert world.see(*[NOON - MINUTE * at for at in range(200)]) == []


def test_half_of_the_requests_failing_is_told_and_a_few_failures_are_not(world: World) -> None:
    assert world.see(*evenly(19, 200), status=500, cost=0) == []
    (alert,) = world.see(NOON, status=404, cost=0)
    assert (alert.kind, alert.facts.requests, alert.facts.failed) == ("error-rate", 20, 20)
    assert world.see(*evenly(30, 200), status=200, cost=0, key_id="key_b") == []
    assert world.see(*evenly(20, 200), status=400, cost=0, key_id="key_b") == []


def test_a_dead_key_used_is_one_alert_a_day_with_the_first_request(world: World) -> None:
    dead: dict[str, Any] = {"status": 401, "cost": 0, "address": "192.0.2.7"}
    (alert,) = world.see(NOON, NOON - HOUR, NOON + HOUR, **dead)
    assert (alert.kind, alert.facts.at, alert.facts.address) == ("dead-key-used", NOON - HOUR, "192.0.2.7")
    assert world.see(NOON + HOUR, **dead) == []
    assert len(world.see(NOON + DAY, **dead)) == 1
    assert world.see(NOON, key_id=None, status=401, cost=0) == []


def test_a_dead_key_s_requests_are_no_failures_of_the_key_besides(world: World) -> None:
    (alert,) = world.see(*evenly(30, 200), status=401, cost=0)
    assert alert.kind == "dead-key-used"
    assert world.see(NOON, status=500, cost=0) == []


def test_a_deleted_key_used_is_told_without_who_used_it(world: World) -> None:
    with world.database.transaction() as tx:
        tx.execute(delete(tables.known_key).where(tables.known_key.c.key_id == "key_a"))
        erase(tx, "key_a")
    (alert,) = world.see(NOON, status=401, cost=0, address="192.0.2.7", user_agent="curl")
    assert (alert.kind, alert.key_id, alert.facts.at) == ("dead-key-used", "key_a", NOON)
    assert (alert.facts.address, alert.facts.user_agent) == ("", "")


def test_refusals_that_were_counted_together_are_as_many_errors_as_they_stand_for(world: World) -> None:
    world.take_in(NOON)
    raised = world.see(NOON, status=403, cost=0, requests=20)
    assert [alert.kind for alert in raised] == ["error-rate"]


def test_a_rule_is_about_the_keys_it_names_or_those_that_carry_its_label(world: World) -> None:
    for kind in (Kind.QUOTA, Kind.NEW_SOURCE):
        world.rules.delete(ORGANISATION, default_id(ORGANISATION, kind))
    half = QuotaParameters(thresholds_percent=(50,))
    world.add_rule(Kind.QUOTA, half, id="rul_named", key_ids=("key_b",))
    world.add_rule(Kind.QUOTA, half, id="rul_labelled", label="env:prod")
    assert world.see(*evenly(5, 50)) == []
    assert [alert.rule_id for alert in world.see(*evenly(5, 50), key_id="key_b")] == ["rul_named"]
    world.labels.add(("key_a", "env:prod"))
    assert [alert.rule_id for alert in world.see(NOON)] == ["rul_labelled"]
