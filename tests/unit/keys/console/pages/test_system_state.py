"""The state of the system out of what services tell Prometheus: added up, and what is not told is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.keys.console.pages.system.histogram import quantiles
from services.keys.console.pages.system.system_state import FAULTS, state_of
from tests.examples import NOON

NOW = NOON.timestamp()
KEYS = f"""\
grillo_build_info{{version="1.2"}} 1.0
grillo_requests_total{{service="keys",method="GET",status_class="2xx"}} 5.0
grillo_requests_total{{service="keys",method="POST",status_class="4xx"}} 2.0
grillo_gate_refusals_total{{problem="rate-limited"}} 1.0
grillo_gate_refusals_total{{problem="key-revoked"}} 1.0
grillo_gate_refusals_total{{problem="key-expired"}} 0.0
grillo_gate_fresh_until_timestamp_seconds{{gate="a"}} {NOW + 9}
grillo_receipt_seconds_bucket{{le="0.01"}} 50.0
grillo_receipt_seconds_bucket{{le="0.1"}} 100.0
grillo_receipt_seconds_bucket{{le="+Inf"}} 100.0
grillo_log_position{{log="keys"}} 40.0
grillo_relay_position{{log="keys"}} 38.0
grillo_meter_spool_bytes 700.0
grillo_meter_spool_oldest_timestamp_seconds{{of="requests"}} +Inf
grillo_disk_free_bytes{{of="spool"}} 1e+09
"""
USAGE = f"""\
grillo_requests_total{{service="usage",method="GET",status_class="2xx"}} 10.0
grillo_gate_refusals_total{{problem="key-revoked"}} 4.0
grillo_gate_fresh_until_timestamp_seconds{{gate="b"}} 0.0
grillo_follower_position{{follower="usage.keys"}} 30.0
grillo_meter_spool_bytes 1.0
grillo_meter_spool_oldest_timestamp_seconds{{of="requests"}} {NOW - 3}
grillo_usage_batches_total{{outcome="counted"}} 900.0
grillo_usage_batches_total{{outcome="foreign"}} 1.0
grillo_usage_deliveries{{status="held"}} 2.0
"""


def test_services_are_added_up_and_what_is_late_or_stale_shows() -> None:
    state = state_of({"keys": KEYS, "usage": USAGE, "sensors": None}, NOW)
    assert state.by_class == {"2xx": 15, "4xx": 2}
    assert state.refusals == (("key-revoked", 5), ("rate-limited", 1))
    assert [(one.name, one.is_missing, one.fresh_seconds, one.requests) for one in state.services] == [
        ("keys", False, pytest.approx(9), 7),
        ("usage", False, 0, 10),
        ("sensors", True, None, 0),
    ]
    assert (state.receipts.count, state.spooled_bytes) == (100, 701)
    assert state.receipts.p50_ms == pytest.approx(10)
    assert state.oldest_seconds == pytest.approx(3)
    assert state.behind == {"keys": 2, "usage.keys": 10}
    assert state.deliveries == {"held": 2}
    assert {name for name, count in state.faults.items() if count} == {"parked-batches"}
    assert state.services[0].free == {"spool": 10**9}


def test_nothing_that_is_told_is_nothing_and_no_fault() -> None:
    state = state_of({"keys": ""}, NOW)
    assert (state.requests, state.oldest_seconds, state.took.p50_ms, state.behind) == (0, None, None, {})
    assert state.faults == dict.fromkeys(FAULTS, 0)


@given(seconds=st.lists(st.floats(0.0001, 4.9), min_size=1, max_size=60))
def test_a_quantile_lies_in_the_bucket_of_what_was_measured_there(seconds: list[float]) -> None:
    bounds = [0.001, 0.01, 0.1, 1.0, 5.0]
    buckets = {bound: float(sum(value <= bound for value in seconds)) for bound in (*bounds, float("inf"))}
    found = quantiles(buckets)
    assert found.count == len(seconds)
    for part, told in ((0.5, found.p50_ms), (0.99, found.p99_ms)):
        rank = part * len(seconds)
        true = next(value for place, value in enumerate(sorted(seconds), 1) if place >= rank)
        upper = next(bound for bound in bounds if true <= bound)
        lower = max((bound for bound in (0.0, *bounds) if bound < upper), default=0.0)
        assert told is not None
        assert lower * 1000 <= told <= upper * 1000 + 1e-9


def test_beyond_the_last_bound_nothing_is_told() -> None:
    assert quantiles({0.1: 1.0, float("inf"): 100.0}).p99_ms is None
