"""A key whose numbers no gate wrote, from before intake refused them, holds up no other's counting, nor its own."""

from datetime import timedelta

from sqlalchemy import insert, select, update

from services.usage import tables
from services.usage.counters.counters import STEPPED
from services.usage.counters.last_day import LastDays
from services.usage.counters.rollup import roll_up
from services.usage.counters.statistics import Statistics, Step
from services.usage.intake.metering import Metering
from services.usage.rebuild import rebuild
from shared.contracts.usage import SIZE_MAX
from shared.sql.database import Database
from shared.values.timestamps import MINUTE_US, to_microseconds
from tests.examples import NOON
from tests.usage_examples import batch, record

LARGEST = 2**63 - 1
HOUR = timedelta(hours=1)
NOON_MINUTE = to_microseconds(NOON) // MINUTE_US
SWOLLEN = ("requests", "cost", "size", "refused")


def swell(database: Database) -> None:
    """All that is counted and logged of key_a and its organisation, as if a forged record had been counted."""
    counters = [table for owned in STEPPED for table in (owned.minute, owned.hour)]
    with database.transaction() as tx:
        for table in (*counters, tables.counter_day):
            is_its = table.c.key_id == "key_a" if "key_id" in table.c else table.c.organisation_id == "org_railway"
            tx.execute(update(table).where(is_its).values({name: LARGEST for name in SWOLLEN if name in table.c}))
        tx.execute(update(tables.request).where(tables.request.c.key_id == "key_a").values(size=LARGEST))


def test_after_it_everybody_s_batches_are_counted_and_rolled_up(usage_database: Database, metering: Metering) -> None:
    owners = [{"key_id": "key_a"}, {"key_id": "key_b", "organisation_id": "org_2"}]
    early, later = ([record(seconds, network_id="n", **of) for of in owners] for seconds in (0, 60))
    metering.take_in(batch(*early, segment="early"))
    roll_up(usage_database, until=NOON_MINUTE + 1)
    metering.take_in(batch(*later, segment="later"))
    swell(usage_database)
    assert metering.take_in(batch(*early, *later, segment="genuine"))
    roll_up(usage_database, until=NOON_MINUTE + 10)
    with usage_database.reading() as tx:
        assert tx.execute(select(tables.rolled_up.c.before)).scalar_one() == NOON_MINUTE + 10
        grown = tx.execute(select(tables.counter.c.size).where(tables.counter.c.key_id == "key_a")).scalars().all()
    assert all(2**62 < size <= LARGEST for size in grown)
    summary = Statistics(usage_database).summary("key_b", NOON, NOON + HOUR, Step.HOUR)
    assert (summary.total, summary.bytes, summary.networks) == (4, 40, {"n": 4})


def test_its_own_sums_are_read_and_a_rebuild_mends_them(usage_database: Database, metering: Metering) -> None:
    metering.take_in(batch(record(network_id="n"), record(60, network_id="n")))
    truth = Statistics(usage_database).summary("key_a", NOON, NOON + HOUR, Step.MINUTE)
    swell(usage_database)
    if usage_database.engine.dialect.name == "postgresql":  # with SQLite nobody else can write
        statistics = Statistics(usage_database)
        with usage_database.transaction() as tx:
            known = {"key_id": "key_a", "organisation_id": "org_railway", "hint": "hint"}
            tx.execute(insert(tables.known_key).values(**known))
        assert statistics.summary("key_a", NOON, NOON + HOUR, Step.HOUR).bytes == LARGEST
        assert statistics.of_organisation("org_railway", NOON, NOON + HOUR, Step.DAY).networks == {"n": LARGEST}
        assert statistics.used("key_a", NOON + HOUR).hour == LARGEST
        (day,) = LastDays(usage_database).of_keys("org_railway", ["key_a"], NOON + HOUR / 2).keys
        assert day.in_last_hour == LARGEST
    assert [rebuilt.differences > 0 for rebuilt in rebuild(usage_database)] == [True]
    mended = Statistics(usage_database).summary("key_a", NOON, NOON + HOUR, Step.MINUTE)
    assert (mended.total, mended.series, mended.bytes) == (truth.total, truth.series, 2 * SIZE_MAX)
