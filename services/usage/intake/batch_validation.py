"""Whether a batch can be counted as it is; if not, why. What cannot is parked, and holds up nobody."""

from datetime import datetime, timedelta

import msgspec

from shared.contracts.usage import METERED_VERSION, RequestMetered, RequestRecord
from shared.values.timestamps import rfc3339

AHEAD_MAX = timedelta(hours=1)  # of our clock: what a gate with a wrong one sends waits until its time has come
_SMALL, _LARGE = 2**31, 2**63
_SEGMENT_CHARACTERS_MAX = 32


class Unacceptable(Exception):
    """Its one argument is the reason, in words, without the batch's own."""


def read(body: object) -> RequestMetered:
    """Raises Unacceptable."""
    version = body.get("schema_version", METERED_VERSION) if isinstance(body, dict) else METERED_VERSION
    if version != METERED_VERSION:
        raise Unacceptable(f"its schema version is {str(version)[:20]}; known is {METERED_VERSION}")
    try:
        return msgspec.convert(body, type=RequestMetered)
    except msgspec.ValidationError as error:
        raise Unacceptable(f"malformed: {error}") from None


def check(batch: RequestMetered, now: datetime) -> None:
    """Raises Unacceptable."""
    if not (0 < len(batch.segment) <= _SEGMENT_CHARACTERS_MAX and batch.segment.isprintable()):
        raise Unacceptable("malformed: its segment has no name that a gate gives")
    if not 0 <= batch.start < batch.end < _LARGE:
        raise Unacceptable("malformed: it ends before it starts")
    horizon = now + AHEAD_MAX
    for number, record in enumerate(batch.records):
        if record.at > horizon:
            raise Unacceptable(f"from the future: record {number} is of {rfc3339(record.at)}")
        if not _fits(record):
            raise Unacceptable(f"malformed: record {number} does not fit")


def _fits(record: RequestRecord) -> bool:
    """Into the columns of the table of requests, on either database."""
    key_id, organisation_id, problem = record.key_id or "", record.organisation_id or "", record.problem or ""
    return (
        bool(key_id) == bool(organisation_id)
        and len(key_id) <= 32
        and len(organisation_id) <= 32
        and len(record.request_id) <= 100
        and len(record.method) <= 16
        and len(record.route) <= 100
        and len(record.address) <= 45
        and len(record.user_agent) <= 200
        and len(problem) <= 40
        and _is_storable(
            f"{key_id}{organisation_id}{record.request_id}{record.method}{record.route}"
            f"{record.address}{record.user_agent}{problem}"
        )
        and 0 <= record.status < _SMALL
        and 0 <= record.cost < _SMALL
        and 0 < record.requests < _SMALL
        and 0 <= record.duration_us < _LARGE
        and 0 <= record.size < _LARGE
    )


def _is_storable(text: str) -> bool:
    """PostgreSQL takes no NUL, and half of a surrogate pair is no text."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return False
    return "\0" not in text
