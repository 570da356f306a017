"""Examples of what gates send to usage: a request's record, and a batch of them."""

from datetime import timedelta
from typing import Any

from shared.contracts.usage import RequestMetered, RequestRecord
from tests.examples import NOON


def record(seconds: float = 0, key_id: str | None = "key_a", **different: Any) -> RequestRecord:
    fields: dict[str, Any] = {
        "request_id": "r",
        "at": NOON + timedelta(seconds=seconds),
        "key_id": key_id,
        "organisation_id": key_id and "org_railway",
        "method": "GET",
        "route": "/v1/sensors",
        "status": 200,
        "cost": 1,
        "duration_us": 100,
        "size": 10,
        "address": "192.0.2.7",
        "user_agent": "",
    }
    return RequestRecord(**fields | different)


def batch(*records: RequestRecord, segment: str = "segment", start: int = 0) -> RequestMetered:
    return RequestMetered(segment=segment, start=start, end=start + 100 * max(1, len(records)), records=records)
