"""Examples of what usage is told: a request's record and a batch of them, by gates; changes of a key, by keys."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from shared.contracts.usage import RequestMetered, RequestRecord
from shared.gate.metering.spool_segment import FRAME_BYTES
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
    """With the extent that a spool would have given it; without records, one that no gate sends."""
    return RequestMetered(segment=segment, start=start, end=start + (framed(*records) or 100), records=records)


def framed(*records: Any) -> int:
    """The bytes that these take in a segment."""
    return sum(len(msgspec.json.encode(record)) + FRAME_BYTES for record in records)


def in_range(life: Sequence[Mapping[str, Any]], where: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What `keys.history` answers of this life when it is asked for that range."""
    found = [dict(one) for one in life if _is_in(one, where)]
    return found[-where.get("newest", len(found)) :]


def _is_in(one: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    place, end = (one["at"], one["revision"]), (where.get("end", "9"), where.get("end_revision", 0))
    is_asked_by = where.get("request_id", one["request_id"]) == one["request_id"]
    return where.get("start", "") <= one["at"] and place < end and is_asked_by
