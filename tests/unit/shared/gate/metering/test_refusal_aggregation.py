"""Refusals in a flood: all of them counted, few of them written down, and of each what is true of all."""

from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.usage import RequestRecord
from shared.gate.metering import refusal_aggregation
from shared.gate.metering.refusal_aggregation import SINGLY_MAX, RefusalAggregation
from tests.gate_examples import record


def refused(
    key_id: str | None = None, address: str = "192.0.2.7", *, request_id: str = "r", **different: Any
) -> RequestRecord:
    fields = {"status": 401, "cost": 0, "key_id": key_id, "organisation_id": key_id and "org_railway"}
    return record(request_id, **fields | {"address": address} | different)


def who(told: RequestRecord) -> str:
    return told.key_id or told.address


callers = st.sampled_from([("key_1", "192.0.2.7"), ("key_1", "192.0.2.8"), (None, "192.0.2.7"), (None, "192.0.2.8")])
moments = st.lists(st.tuples(st.integers(0, 300), callers, st.sampled_from([401, 403, 429])), max_size=200)


@given(moments)
def test_what_is_written_down_stands_for_exactly_what_was_refused_with_eleven_records_a_second_at_most(
    flood: list[tuple[int, tuple[str | None, str], int]],
) -> None:
    refusals = RefusalAggregation()
    sent: Counter[tuple[int, str]] = Counter()
    written: dict[int, list[RequestRecord]] = defaultdict(list)
    for hundredths, (key_id, address), status in sorted(flood, key=lambda it: it[0]):
        second = hundredths // 100
        told = refused(key_id, address, status=status, request_id=str(second))
        sent[second, who(told)] += 1
        for due in refusals.take(told, hundredths / 100):
            written[int(due.request_id)].append(due)
    for due in refusals.take_all():
        written[int(due.request_id)].append(due)
    counted: Counter[tuple[int, str]] = Counter()
    for second, records in written.items():
        assert max(Counter(map(who, records)).values()) <= SINGLY_MAX + 1
        for told in records:
            counted[second, who(told)] += told.requests
    assert counted == sent


@given(moments, st.integers(0, 3))
def test_no_more_is_remembered_than_keys_and_so_many_addresses_and_nothing_is_lost_by_it(
    flood: list[tuple[int, tuple[str | None, str], int]], addresses_max: int
) -> None:
    refusals = RefusalAggregation(addresses_max)
    written = []
    for hundredths, (key_id, address), status in flood:
        written += refusals.take(refused(key_id, address, status=status), hundredths / 100)
        assert len(refusals) <= 1 + addresses_max + 1
    written += refusals.take_all()
    assert sum(told.requests for told in written) == len(flood)
    assert sum(told.requests for told in written if told.key_id) == sum(1 for _, (key_id, _), _ in flood if key_id)


def test_no_record_stands_for_more_than_usage_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusal_aggregation, "REQUESTS_MAX", 7)
    refusals, written = RefusalAggregation(), []
    for number in range(SINGLY_MAX + 20):
        written += refusals.take(refused(request_id=f"r{number}", size=number), 5.0)
    written += refusals.take_all()
    summed = written[SINGLY_MAX:]
    assert [(told.request_id, told.requests) for told in summed] == [("r10", 7), ("r17", 7), ("r24", 6)]
    assert sum(told.size for told in written) == sum(range(SINGLY_MAX + 20))


def aggregate_of(*records: RequestRecord) -> RequestRecord:
    refusals = RefusalAggregation()
    for _ in range(SINGLY_MAX):
        refusals.take(records[0], 5.0)
    assert [refusals.take(told, 5.0) for told in records] == [[]] * len(records)
    assert refusals.take_due(5.99) == []
    (told,) = refusals.take_due(6.0)
    assert refusals.take_all() == []
    return told


def test_a_count_tells_what_its_requests_have_in_common() -> None:
    told = aggregate_of(*(refused(duration_us=us, size=10, request_id=f"r{us}") for us in (100, 200, 600)))
    assert told == refused(duration_us=300, size=30, request_id="r100", requests=3)


def test_a_count_tells_nothing_that_is_not_so_of_all_its_requests() -> None:
    told = aggregate_of(
        refused(status=403, route="/v1/a", method="GET", user_agent="one"),
        refused(status=401, route="/v1/b", method="PUT", user_agent="two"),
        refused(status=401, route="/v1/a", method="GET", user_agent="one"),
    )
    assert (told.method, told.route, told.user_agent) == ("*", "*", "")
    assert (told.address, told.status, told.requests) == ("192.0.2.7", 401, 3)


def test_a_count_names_a_problem_only_when_all_its_requests_had_it() -> None:
    revoked = refused("key_1", problem="key-revoked")
    assert aggregate_of(revoked, revoked).problem == "key-revoked"
    assert aggregate_of(revoked, refused("key_1", problem="invalid-request"), revoked).problem is None
    assert aggregate_of(revoked, refused("key_1", problem=None)).problem is None
    assert aggregate_of(refused("key_1", problem=None), revoked).problem is None


def test_a_count_does_not_say_of_which_secret_a_url_had_one() -> None:
    assert not aggregate_of(refused("key_1", in_query=True), refused("key_1", in_query=True)).in_query


def test_a_count_names_a_secret_only_when_all_its_requests_came_with_it() -> None:
    first, second = "grl_0000…0001", "grl_0000…0002"
    one, other = refused("key_1", secret_hint=first), refused("key_1", secret_hint=second)
    assert aggregate_of(one, one).secret_hint == first
    assert aggregate_of(one, other).secret_hint is None


def test_a_key_that_is_refused_from_many_addresses_has_none_in_its_count_and_one_network_is_one_caller() -> None:
    assert aggregate_of(refused("key_1", "192.0.2.7"), refused("key_1", "192.0.2.8")).address == ""
    assert aggregate_of(refused(None, "2001:db8::7"), refused(None, "2001:db8::8")).address == "2001:db8::/64"
    assert aggregate_of(refused(None, "2001:db8::7"), refused(None, "2001:db8::7")).address == "2001:db8::7"


def test_a_clock_that_is_read_before_another_threads_and_used_after_it_opens_no_second_anew() -> None:
    refusals = RefusalAggregation()
    for _ in range(SINGLY_MAX):
        refusals.take(refused(), 6.0)
    assert refusals.take(refused(), 5.99) == []
