"""Requests are counted by their declared route, and nothing that a caller chooses is a label."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from shared.observability.request_metrics import RequestMetrics


def test_what_was_noted_is_told_once_by_service_method_route_and_class() -> None:
    registry = CollectorRegistry()
    labels = ["service", "method", "route", "status_class"]
    requests = Counter("requests_total", "Requests.", labels, registry=registry)
    seconds = Histogram("seconds", "Seconds.", ["service"], buckets=(0.1, 1), registry=registry)
    counts = RequestMetrics(requests, seconds)
    counts.note("keys", "GET", "/v1/keys/{key_id}", 200, 0.05)
    counts.note("keys", "GET", "/v1/keys/{key_id}", 204, 0.5)
    counts.note("keys", "GET", "/v1/keys", 404, 5.0)
    for _ in range(2):
        counts.tell()
    told = {
        (sample.labels["route"], sample.labels["status_class"]): sample.value
        for family in requests.collect()
        for sample in family.samples
    }
    assert told == {("/v1/keys/{key_id}", "2xx"): 2, ("/v1/keys", "4xx"): 1}
    buckets = [registry.get_sample_value("seconds_bucket", {"service": "keys", "le": le}) for le in ("0.1", "1.0")]
    assert buckets == [1, 2]
    assert registry.get_sample_value("seconds_sum", {"service": "keys"}) == 5.55
