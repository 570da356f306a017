"""What is usual for a key: the hours of a week."""

from msgspec.structs import replace
from sqlalchemy import insert, select

from services.usage.alerting import tables as alerting
from services.usage.alerting.evaluation.hourly_baseline import HourlyBaseline
from services.usage.alerting.evaluation.observation import observations
from services.usage.alerting.rules.rule import Kind
from shared.values.timestamps import HOUR_US, to_microseconds
from tests.examples import NOON
from tests.unit.usage.alerting.world import World, evenly
from tests.usage_examples import record


def test_many_times_the_usual_is_told_and_a_key_without_a_past_has_no_usual(world: World) -> None:
    world.change(Kind.QUOTA, muted=True)
    assert [alert for alert in world.see(*evenly(600, 1800), key_id="key_b") if alert.kind == "volume"] == []
    hour = to_microseconds(NOON) // HOUR_US
    with world.database.transaction() as tx:
        rows = [{"key_id": "key_a", "hour": hour - ago, "requests": 30} for ago in range(2, 30)]
        tx.execute(insert(alerting.key_hour), rows)
    world.see(*evenly(149, 1800))
    assert world.raised(Kind.VOLUME) == []
    world.clock.advance(61)
    (alert,) = [alert for alert in world.see(NOON) if alert.kind == "volume"]
    assert (alert.facts.requests, alert.facts.per_hour) == (150, 30.0)


def test_the_hours_of_a_week_are_kept_and_older_ones_are_not(world: World) -> None:
    world.see(*evenly(5, 60))
    world.evaluator.settle()
    world.clock.advance(30)
    world.see(*evenly(2, 60))
    world.evaluator.settle()  # not a minute since: nothing is written yet
    world.clock.advance(31)
    world.evaluator.settle()

    def kept() -> int:
        with world.database.reading() as tx:
            return sum(tx.execute(select(alerting.key_hour.c.requests)).scalars())

    assert kept() == 7
    world.clock.advance(9 * 86_400)
    world.evaluator.settle()
    assert kept() == 0


def test_an_hour_beyond_its_column_holds_up_neither_its_own_nor_another_s(world: World) -> None:
    hour = to_microseconds(NOON) // HOUR_US
    with world.database.transaction() as tx:
        tx.execute(insert(alerting.key_hour).values(key_id="key_a", hour=hour, requests=2**31 - 1))
    flood = [replace(one, requests=2**31) for one in observations([record(), record(3600), record(key_id="key_b")])]
    baseline = HourlyBaseline(world.database)
    baseline.note(flood)
    baseline.keep(NOON, NOON)
    with world.database.reading() as tx:
        kept = tx.execute(select(alerting.key_hour.c.requests)).scalars().all()
    assert len(kept) == 3
    assert all(2**29 < requests < 2**31 for requests in kept)
