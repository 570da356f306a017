"""An alert is raised once, kept up while it is met, resolved when over, and told to whom its rule says."""

from sqlalchemy import select

from services.usage.alerting.evaluation.conditions import QUIET
from services.usage.alerting.rules.rule import Kind
from services.usage.notifications import tables as delivering
from tests.examples import NOON
from tests.unit.usage.alerting.world import World, channel, evenly


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
    world.change(Kind.QUOTA, channels=("chn_2", "chn_3", "chn_4", "chn_5"))
    world.see(*evenly(8, 50))
    with world.database.reading() as tx:
        assert list(tx.execute(select(delivering.delivery.c.channel_id)).scalars()) == ["chn_3"]
