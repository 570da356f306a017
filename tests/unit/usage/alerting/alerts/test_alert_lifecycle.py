"""An alert is raised once, kept up while it is met, resolved when over, and told to whom its rule says."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.usage.alerting.evaluation.conditions import QUIET
from services.usage.alerting.rules.rule import Kind, QuotaParameters, default_id
from services.usage.notifications import tables as delivering
from services.usage.notifications.channels.channel_store import NoSuchChannel
from tests.examples import NOON
from tests.unit.usage.alerting.world import ORGANISATION, World, channel, evenly


def test_an_alert_is_over_when_it_was_not_met_for_a_while_and_stays_while_it_is(world: World) -> None:
    world.see(*evenly(8, 50))
    for _ in range(3):
        world.clock.advance(240)
        assert world.see(*evenly(8, 50, until=world.clock.now())) == []
        world.evaluator.settle()
        assert world.raised()[0].resolved_at is None
    world.clock.advance(QUIET.total_seconds() + 1)
    world.evaluator.settle()
    assert world.raised()[0].resolved_at == world.clock.now()
    assert [told["type"] for told in world.told()] == ["AlertRaised", "AlertResolved"]
    assert world.announced() == ["AlertRaised", "AlertResolved"]
    world.evaluator.settle()
    assert len(world.told()) == 2


def test_what_comes_again_after_it_was_over_is_told_again_but_not_in_the_same_hour(world: World) -> None:
    world.see(*evenly(8, 50))
    world.clock.advance(600)
    world.evaluator.settle()
    assert world.see(*evenly(8, 50, until=world.clock.now())) == []
    world.clock.advance(3600)
    world.evaluator.settle()
    assert len(world.see(*evenly(8, 50, until=world.clock.now()))) == 1


def test_a_muted_rule_raises_and_tells_nobody_until_it_is_unmuted(world: World) -> None:
    world.change(Kind.QUOTA, muted=True)
    (alert,) = world.see(*evenly(8, 50))
    assert (alert.muted, world.told(), world.announced()) == (True, [], ["AlertRaised"])
    world.change(Kind.QUOTA, muted=False)
    world.see(*evenly(8, 50), key_id="key_b")
    assert [told["data"]["key_id"] for told in world.told()] == ["key_b"]


def test_a_rule_tells_its_own_channels_and_each_takes_what_it_asked_for(world: World) -> None:
    world.channels.add(channel(id="chn_2", events=("AlertResolved",)))
    world.channels.add(channel(id="chn_3"))
    world.channels.add(channel(id="chn_4", organisation_id="org_2"))
    world.channels.add(channel(id="chn_5", disabled_at=NOON))
    with pytest.raises(NoSuchChannel):
        world.change(Kind.QUOTA, channels=("chn_2", "chn_4"))
    world.change(Kind.QUOTA, channels=("chn_2", "chn_3", "chn_5"))
    world.see(*evenly(8, 50))
    with world.database.reading() as tx:
        query = select(delivering.delivery.c.channel_id, delivering.delivery.c.status)
        assert set(map(tuple, tx.execute(query))) == {("chn_3", "pending"), ("chn_5", "held")}


def test_one_fact_that_meets_several_rules_is_one_alert_told_to_the_channels_of_each(world: World) -> None:
    for name in ("chn_2", "chn_3", "chn_4"):
        world.channels.add(channel(id=name))
    eighty, all_of_it = QuotaParameters(thresholds_percent=(80,)), QuotaParameters(thresholds_percent=(100,))
    world.change(Kind.QUOTA, channels=("chn_1",))
    world.add_rule(Kind.QUOTA, eighty, key_ids=("key_a",), channels=("chn_2",))
    world.add_rule(Kind.QUOTA, eighty, id="rul_muted", key_ids=("key_a",), channels=("chn_3",), muted=True)
    world.add_rule(Kind.QUOTA, all_of_it, id="rul_all", channels=("chn_4",))
    (alert,) = world.see(*evenly(8, 50))
    default = default_id(ORGANISATION, Kind.QUOTA)
    assert (alert.rule_id, alert.rule_ids) == ("rul_quota", ("rul_quota", default, "rul_muted"))
    assert _told(world) == {"chn_1", "chn_2"}
    (alert,) = world.see(NOON, NOON)
    assert (alert.facts.threshold_percent, set(alert.rule_ids)) == (100, {default, "rul_all"})
    assert _told(world) == {"chn_1", "chn_2", "chn_4"}
    world.clock.advance(QUIET.total_seconds() + 1)
    world.evaluator.settle()
    assert {alert.resolved_at for alert in world.raised()} == {world.clock.now()}


def test_what_passes_a_threshold_passed_the_lower_ones_which_are_no_facts_of_their_own(world: World) -> None:
    late = NOON + timedelta(seconds=55)  # all of them in one minute, and so seen at once
    (alert,) = world.see(*evenly(10, 50, until=late))
    assert alert.facts.threshold_percent == 100
    assert world.see(late) == []
    world.clock.advance(QUIET.total_seconds() + 61)
    world.evaluator.settle()
    assert world.see(*evenly(8, 50, until=world.clock.now())) == []


def _told(world: World) -> set[str]:
    with world.database.reading() as tx:
        return set(tx.execute(select(delivering.delivery.c.channel_id)).scalars())
