"""Gauges of who uses most: the heaviest by name, the others as one, and nothing of them lost."""

from sqlalchemy import insert

from services.usage import tables
from services.usage.heaviest import NAMED_MAX, heaviest
from services.usage.intake.metering import Metering
from shared.gate.grants.grant import Limits
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.usage_examples import batch, record

POLICY = {"standard": Limits(minute=300, day=100)}


def test_the_heaviest_are_named_and_the_others_are_one(
    usage_database: Database, metering: Metering, clock: ManualClock
) -> None:
    of_key = {f"key_{number:02}": number + 1 for number in range(NAMED_MAX + 5)}
    with usage_database.transaction() as tx:
        tx.execute(insert(tables.known_organisation), [{"organisation_id": "org_railway", "tier": "standard"}])
        tx.execute(
            insert(tables.known_key),
            [{"key_id": key_id, "organisation_id": "org_railway", "hint": "x", "revision": 1} for key_id in of_key],
        )
    metering.take_in(batch(*(record(1, key_id=key_id) for key_id, count in of_key.items() for _ in range(count))))
    clock.advance(60)

    measured = {family.name: family.samples for family in heaviest(usage_database, POLICY, clock)()}
    by_key = {sample.labels["key"]: sample.value for sample in measured["grillo_usage_requests_last_minute"]}
    named = dict(sorted(of_key.items())[5:])
    assert by_key == named | {"other": sum(range(1, 6))}
    (organisation, others) = measured["grillo_usage_organisation_requests_last_minute"]
    assert (organisation.labels, organisation.value) == ({"organisation": "org_railway"}, sum(of_key.values()))
    assert others.value == 0
    shares = {sample.labels["key"]: sample.value for sample in measured["grillo_usage_day_share"]}
    assert shares == {key_id: count / 100 for key_id, count in named.items()}
    assert {sample.labels["organisation"] for sample in measured["grillo_usage_day_share"]} == {"org_railway"}


def test_nothing_used_is_told_as_nothing(usage_database: Database, clock: ManualClock) -> None:
    measured = {family.name: family.samples for family in heaviest(usage_database, POLICY, clock)()}
    assert [sample.value for sample in measured["grillo_usage_requests_last_minute"]] == [0]
    assert measured["grillo_usage_day_share"] == []
