"""Validation of a batch of metered requests: version, shape, extent, clock, and what a gate and a column may hold.

What a gate cannot have written is refused: an extent that is not that of its records' frames would make all later
batches within it look counted, a record may stand for so many requests only as a gate adds up, and no number may be so
large that the sums it is added to overflow.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from shared.contracts.usage import (
    DURATION_US_MAX,
    METERED_VERSION,
    SECRET_CHARACTERS,
    SIZE_MAX,
    RequestMetered,
    RequestRecord,
)
from shared.gate.metering.refusal_aggregation import REQUESTS_MAX
from shared.gate.metering.spool_segment import FRAME_BYTES
from shared.values.timestamps import from_microseconds

# Of this host's clock: what a clock set wrong has written is counted at once, on the day that its gate took it for, and
# spent of that day's limit. Bounded, for each day is a partition: what is later waits until its time has come.
AHEAD_MAX = timedelta(days=366)
_EARLIEST = from_microseconds(0)  # where a clock begins that was never set
_LARGE = 2**63
_SEGMENT_CHARACTERS_MAX = 32


class Unacceptable(Exception):
    """The batch cannot be counted. Its one argument is the reason, which quotes nothing of the batch's texts."""


def read(body: object) -> RequestMetered:
    """The batch, decoded. Raises Unacceptable: another schema version, a malformed body, an extent not its own."""
    version = body.get("schema_version", METERED_VERSION) if isinstance(body, dict) else METERED_VERSION
    if version != METERED_VERSION:
        raise Unacceptable(
            f"schema version {str(version)[:20]} is not supported; the supported version is {METERED_VERSION}"
        )
    try:
        batch = msgspec.convert(body, type=RequestMetered)
    except msgspec.ValidationError as error:
        raise Unacceptable(f"malformed: {error}") from None
    framed = _framed_bytes(body)
    if batch.end - batch.start != framed:
        raise Unacceptable(f"malformed: its records take {framed} bytes of a segment, not {batch.end - batch.start}")
    return batch


def check(batch: RequestMetered, now: datetime) -> None:
    """Raises Unacceptable for an impossible extent, a record from a far future, or one that does not fit the table."""
    if not (0 < len(batch.segment) <= _SEGMENT_CHARACTERS_MAX and batch.segment.isprintable()):
        raise Unacceptable(
            f"malformed: its segment must be named by 1 to {_SEGMENT_CHARACTERS_MAX} printable characters"
        )
    if not 0 <= batch.start < batch.end < _LARGE:
        raise Unacceptable("malformed: its extent must be 0 <= start < end < 2**63")
    horizon = now + AHEAD_MAX
    for number, record in enumerate(batch.records):
        if record.at > horizon:
            raise Unacceptable(f"from the future: record {number} is dated {record.at.isoformat()}")
        if record.at < _EARLIEST:
            raise Unacceptable(f"malformed: record {number} is dated before 1970")
        if not _fits(record):
            raise Unacceptable(f"malformed: record {number} has a field that cannot be stored")
        if not _is_writable(record):
            raise Unacceptable(f"malformed: record {number} has a number that no gate writes")


def _framed_bytes(body: Any) -> int:
    """The bytes that a batch's records took in their segment: JSON as gates of all releases write it, and its frames.

    From the records as they came, for those of other releases have fewer fields, or more.
    """
    records = body["records"]
    try:
        commas = max(len(records) - 1, 0)
        return len(msgspec.json.encode(records)) - len("[]") - commas + FRAME_BYTES * len(records)
    except (ValueError, TypeError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise Unacceptable(f"malformed: its records cannot be written as JSON: {type(error).__name__}") from None


def _is_writable(record: RequestRecord) -> bool:
    """As Gate.record and refusal_aggregation make them: one request costs 1 at most, and only refusals are added up."""
    return (
        100 <= record.status <= 599
        and 0 <= record.cost <= 1
        and (record.requests == 1 or (record.cost == 0 and 0 < record.requests <= REQUESTS_MAX))
        and 0 <= record.duration_us <= DURATION_US_MAX
        and 0 <= record.size <= SIZE_MAX
    )


def _fits(record: RequestRecord) -> bool:
    """Whether the record's texts fit the columns of table `request`, on SQLite and PostgreSQL alike."""
    key_id, organisation_id, problem = record.key_id or "", record.organisation_id or "", record.problem or ""
    previous_secret, secret_hint = record.previous_secret or "", record.secret_hint or ""
    network_id = record.network_id or ""
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
        and len(previous_secret) <= SECRET_CHARACTERS
        and len(secret_hint) <= 16
        and len(network_id) <= 32
        and _is_storable(
            f"{key_id}{organisation_id}{record.request_id}{record.method}{record.route}"
            f"{record.address}{record.user_agent}{problem}{previous_secret}{secret_hint}{network_id}"
        )
    )


def _is_storable(text: str) -> bool:
    """PostgreSQL stores no NUL; a lone surrogate cannot be encoded as UTF-8."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return False
    return "\0" not in text
