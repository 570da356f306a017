"""Gauges of who uses most: the heaviest by name, the others as one, and nothing of them lost."""

from sqlalchemy import insert

from services.usage import tables
from services.usage.heaviest import NAMED_MAX, heaviest
from services.usage.intake.metering import Metering
from shared.contracts.keys import Contract, contract_text
from shared.gate.grants.grant import ENTERPRISE, Limits
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
    used = {sample.labels["key"]: sample.value for sample in measured["grillo_usage_last_used_timestamp_seconds"]}
    assert used == dict.fromkeys(named, record(1).at.timestamp())


def test_shares_are_of_the_keys_nearest_to_their_day_s_limit_however_much_others_spend(
    usage_database: Database, metering: Metering, clock: ManualClock
) -> None:
    unlimited = Contract(minute=600, day=None, concurrent=50, keys=10)
    by_contract = Contract(minute=600, day=8, concurrent=50, keys=10)
    organisations = {  # → its tier, its contract, and its one key's own limit
        **{f"org_{number:02}": ("premium", None, None) for number in range(NAMED_MAX)},
        "org_own": ("premium", None, 5),
        "org_both": ("standard", None, 50),
        "org_tier": ("standard", None, 1000),
        "org_free_of_limits": (ENTERPRISE, unlimited, None),
        "org_contract": (ENTERPRISE, by_contract, None),
        "org_left": ("standard", by_contract, None),
        "org_unknown_tier": ("gold", None, 5),
    }
    with usage_database.transaction() as tx:
        for name, (tier, contract, own) in organisations.items():
            organisation = {"organisation_id": name, "tier": tier, "contract": contract_text(contract)}
            tx.execute(insert(tables.known_organisation), organisation)
            key = {"key_id": f"key_{name}", "organisation_id": name, "hint": "x", "revision": 1, "day_limit": own}
            tx.execute(insert(tables.known_key), key)
    spent = {name: 9 if name[4:].isdigit() else 2 for name in organisations}
    metering.take_in(batch(*(record(1, key_id=f"key_{name}") for name, cost in spent.items() for _ in range(cost))))
    policy = POLICY | {"premium": Limits(minute=1000, day=None)}
    measured = {family.name: family.samples for family in heaviest(usage_database, policy, clock)()}
    shares = [(sample.labels["key"], sample.value) for sample in measured["grillo_usage_day_share"]]
    assert shares == [
        *(("key_org_own", 2 / 5), ("key_org_contract", 2 / 8), ("key_org_both", 2 / 50)),
        *(("key_org_left", 2 / 100), ("key_org_tier", 2 / 100)),
    ]


def test_nothing_used_is_told_as_nothing(usage_database: Database, clock: ManualClock) -> None:
    measured = {family.name: family.samples for family in heaviest(usage_database, POLICY, clock)()}
    assert [sample.value for sample in measured["grillo_usage_requests_last_minute"]] == [0]
    assert measured["grillo_usage_day_share"] == []
    assert measured["grillo_usage_last_used_timestamp_seconds"] == []
