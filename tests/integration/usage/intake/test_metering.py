"""A batch counts once, for ever; and what the counters say is what a recount of the requests says."""

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update

from services.usage import tables
from services.usage.counters import counters
from services.usage.counters.durations import fold
from services.usage.counters.rollup import roll_up
from services.usage.intake.metering import Metering
from services.usage.rebuild import rebuild
from shared.contracts.usage import RequestRecord
from shared.sql.database import Database
from shared.values.timestamps import MINUTE_US, from_microseconds, to_microseconds
from tests.examples import NOON
from tests.usage_examples import batch, record

KEYS = ("key_a", "key_b", None)


records = st.builds(
    record,
    st.integers(-100_000, 100_000).map(lambda hundredths: hundredths / 100 * 60),
    st.sampled_from(KEYS),
    route=st.sampled_from(["/v1/sensors", "/v1/events"]),
    status=st.sampled_from([200, 304, 401, 404, 429]),
    cost=st.integers(0, 1),
    requests=st.integers(1, 500),
)
batches = st.lists(st.lists(records, max_size=12), max_size=6)


def emptied(database: Database) -> Database:
    with database.transaction() as tx:
        for table in reversed(tables.metadata.sorted_tables):
            if table not in (tables.sealed, tables.rolled_up):
                tx.execute(delete(table))
        tx.execute(update(tables.rolled_up).values(before=0))
    return database


def counted_requests(database: Database) -> int:
    with database.reading() as tx:
        return tx.execute(select(func.count()).select_from(tables.request)).scalar_one()


def by_hour(database: Database) -> dict[tuple[str, int, int], int]:
    """Key, hour and status → requests, as statistics read them."""
    with database.reading() as tx:
        counter = counters.KEYS.within(tx, select(tables.counter.c.key_id), 0, 2**40, 60)
        place = (counter.c.key_id, counter.c.minute - counter.c.minute % 60, counter.c.status)
        rows = tx.execute(select(*place, func.sum(counter.c.requests)).group_by(*place))
        return {(key_id, at, status): int(requests) for key_id, at, status, requests in rows}


def last_uses(database: Database) -> dict[str, datetime]:
    with database.reading() as tx:
        return {row.key_id: from_microseconds(row.at) for row in tx.execute(select(tables.last_use))}


def test_a_batch_counts_once_however_often_and_late_it_comes(metering: Metering, usage_database: Database) -> None:
    first, second = batch(record()), batch(record(), record(), start=1000)
    assert [metering.take_in(one) for one in (first, second, first, second, first)] == [True, True, False, False, False]
    assert counted_requests(usage_database) == 3
    assert not Metering(usage_database).take_in(second)  # nor by another process
    assert Metering(usage_database).take_in(batch(record(), segment="another"))


def test_a_batch_that_fails_in_the_middle_counts_not_at_all_and_later_whole(
    metering: Metering, usage_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("between the counters and the commit")

    with monkeypatch.context() as patched:
        patched.setattr("services.usage.intake.metering.keep_last_uses", broken)
        with pytest.raises(RuntimeError):
            metering.take_in(batch(record()))
    assert counted_requests(usage_database) == 0
    assert list(metering.recent_uses.take()) == []
    assert metering.take_in(batch(record()))
    assert counted_requests(usage_database) == 1


def test_the_last_use_of_a_secret_before_is_told_apart(metering: Metering) -> None:
    metering.take_in(batch(record(10, previous_secret="a" * 16), record(20), record(5, previous_secret="a" * 16)))
    metering.take_in(
        batch(record(15, previous_secret="b" * 16), record(30, cost=0, previous_secret="b" * 16), start=500)
    )
    (used,) = metering.recent_uses.take()
    assert used.last_used == {"key_a": NOON + timedelta(seconds=20)}
    earlier = {"a" * 16: NOON + timedelta(seconds=10), "b" * 16: NOON + timedelta(seconds=15)}
    assert used.previous_used == {"key_a": earlier}


OF_ANOTHER = {"secret_hint": "grl_0000…0002"}


def test_a_newest_secret_in_a_url_is_told_also_of_a_request_that_was_refused(metering: Metering) -> None:
    metering.take_in(
        batch(
            record(10, in_query=True),
            record(20, in_query=True, cost=0, status=403),
            record(25, in_query=True, previous_secret="a" * 16, **OF_ANOTHER),
            record(30, "key_b", in_query=True, cost=0, status=403),
            record(40, "key_b", in_query=True, cost=0, status=401, **OF_ANOTHER),
            record(50, None, in_query=True, cost=0, status=401),
        )
    )
    (used,) = metering.recent_uses.take()
    assert used.last_used == {"key_a": NOON + timedelta(seconds=25)}
    assert used.in_query == {"key_a": NOON + timedelta(seconds=20), "key_b": NOON + timedelta(seconds=30)}
    assert list(metering.recent_uses.take()) == []


def test_an_empty_batch_is_remembered_like_any_other(metering: Metering) -> None:
    assert metering.take_in(batch())
    assert not metering.take_in(batch())


@given(batches=batches, seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counters_equal_a_recount_of_the_requests_in_whatever_order_and_how_often_batches_come(
    usage_database: Database, batches: list[list[RequestRecord]], seed: int
) -> None:
    metering = Metering(emptied(usage_database))
    sent = [batch(*records, start=number * 10_000) for number, records in enumerate(batches)] * 2
    chance = random.Random(seed)
    chance.shuffle(sent)
    for one in sent:
        metering.take_in(one)
        if chance.random() < 0.5:
            fold(usage_database)
            roll_up(usage_database, until=to_microseconds(NOON) // MINUTE_US + chance.randint(-1000, 1000))
    everything = [record for records in batches for record in records]
    expected: Counter[tuple[str, int, str, int]] = Counter()
    costs: Counter[tuple[str, int, str, int]] = Counter()
    for one_record in everything:
        if one_record.key_id is not None:
            minute = int(one_record.at.timestamp() // 60)
            place = (one_record.key_id, minute, one_record.route, one_record.status)
            expected[place] += one_record.requests
            costs[place] += one_record.cost
    table = tables.counter
    with usage_database.reading() as tx:
        rows = tx.execute(select(table)).all()
    assert {(row.key_id, row.minute, row.route, row.status): row.requests for row in rows} == dict(expected)
    assert {(row.key_id, row.minute, row.route, row.status): row.cost for row in rows} == dict(costs)
    assert counted_requests(usage_database) == len(everything)
    hours: Counter[tuple[str, int, int]] = Counter()
    for (key_id, minute, _, status), requests in expected.items():
        hours[key_id, minute - minute % 60, status] += requests
    assert by_hour(usage_database) == dict(hours)
    roll_up(usage_database, until=2**40)
    assert by_hour(usage_database) == dict(hours)
    # By every step, of organisations, and of durations: as if all had come in one batch, in order.
    assert [rebuilt for rebuilt in rebuild(usage_database) if rebuilt.differences] == []
    with usage_database.reading() as tx:
        of_requests = tx.execute(select(func.coalesce(func.sum(tables.request.c.requests), 0))).scalar_one()
    assert of_requests == sum(one_record.requests for one_record in everything)
    uses = [record for record in everything if record.key_id and record.cost]
    assert last_uses(usage_database) == {
        key_id: max(use.at for use in uses if use.key_id == key_id) for key_id in {use.key_id for use in uses}
    }


def test_the_last_use_never_goes_back_and_a_refused_request_is_none(
    metering: Metering, usage_database: Database
) -> None:
    metering.take_in(batch(record(10), record(20, cost=0)))
    metering.take_in(batch(record(5), record(7), start=100))
    assert last_uses(usage_database) == {"key_a": NOON + timedelta(seconds=10)}
    (used,) = metering.recent_uses.take()
    assert used.last_used == {"key_a": NOON + timedelta(seconds=10)}
    assert list(metering.recent_uses.take()) == []
    metering.take_in(batch(record(5), record(7), start=100))
    assert list(metering.recent_uses.take()) == []
