"""Where a key was used before is known; the first use from elsewhere is told, so many times a day."""

from datetime import timedelta

from services.usage.alerting.evaluation.evaluator import NEW_SOURCES_A_DAY_MAX
from services.usage.alerting.rules.rule import Kind
from tests.examples import NOON
from tests.unit.usage.alerting.world import World


def test_the_first_use_from_elsewhere_is_told_and_where_a_key_was_used_first_is_not(world: World) -> None:
    known = {"address": "192.0.2.7", "user_agent": "curl"}
    assert world.see(NOON, **known) == []
    assert world.see(NOON, **known) == []
    (alert,) = world.see(NOON, address="198.51.100.9", user_agent="curl")
    assert (alert.kind, alert.facts.source, alert.facts.address) == ("new-source", "address", "198.51.100.9")
    world.evaluator = world.another_evaluator()  # a new process knows it from the database
    assert world.see(NOON, address="198.51.100.9", user_agent="curl") == []
    (alert,) = world.see(NOON, address="192.0.2.7", user_agent="sqlmap")
    assert (alert.facts.source, alert.facts.user_agent) == ("user-agent", "sqlmap")
    assert world.see(NOON, key_id="key_b", address="203.0.113.1", user_agent="curl") == []


def test_a_request_from_an_address_and_with_a_user_agent_that_are_both_new_is_one_fact(world: World) -> None:
    assert world.see(NOON, address="192.0.2.7", user_agent="curl") == []
    (alert,) = world.see(NOON, address="198.51.100.9", user_agent="sqlmap")
    assert alert.facts.source == "address-and-user-agent"


def test_one_caller_s_many_ipv6_addresses_are_one_place(world: World) -> None:
    assert world.see(NOON, address="2001:db8:1:2::1") == []
    assert world.see(NOON, address="2001:db8:1:2:ffff::9") == []
    assert len(world.see(NOON, address="2001:db8:1:3::1")) == 1


def test_a_key_that_is_suddenly_everywhere_raises_so_many_alerts_a_day_and_no_more(world: World) -> None:
    for at in range(NEW_SOURCES_A_DAY_MAX + 5):
        world.see(NOON - timedelta(minutes=at), address=f"198.51.100.{at}")
    assert len(world.raised(Kind.NEW_SOURCE)) == NEW_SOURCES_A_DAY_MAX
