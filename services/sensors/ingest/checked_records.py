"""Records of a miniSEED file one by one, for a file in which some fail their own check.

Steim compression ends each record with the value that decoding must come to. ObsPy only warns where it does not, and
gives the samples of the whole file as one; they would be stored as if they were right.
"""

import re
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from services.sensors.accounting.rejection import RejectedTime, Rejection
from services.sensors.ingest.recording import RejectedLine, Station

_FAILED = "integrity check"
_HEADER_BYTES = 48
# Network, station, location and channel of miniSEED 2, the one that has checks in its samples.
_CODES = (18, 20), (8, 13), (13, 15), (15, 18)


def is_failed_check(warning: warnings.WarningMessage) -> bool:
    return _FAILED in str(warning.message).lower()


def read(path: Path) -> tuple[list[Any], list[RejectedLine]]:
    """Traces (ObsPy's, which have no types) of the records that stand their check, and the others with their place."""
    import obspy  # here, for it takes a second

    traces: list[Any] = []
    rejected: list[RejectedLine] = []
    for number, (content, facts) in enumerate(_records(path.read_bytes()), start=1):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                found = list(obspy.read(BytesIO(content), format="MSEED", check_compression=False))
            except Exception as error:  # ObsPy raises bare Exceptions for what it cannot read
                rejected.append(_rejected(number, f"record {number}: {error}", facts, content))
                continue
        if any(map(is_failed_check, caught)):
            reason = f"record {number} fails its own check: its samples are not what was written"
            rejected.append(_rejected(number, reason, facts, content))
        else:
            traces += found
    return traces, rejected


def _rejected(number: int, reason: str, facts: Any, content: bytes) -> RejectedLine:
    network, station, location, channel = (_code(content, *place) for place in _CODES)
    axis, time = f"{location}.{channel}", None
    if re.fullmatch(r"[A-Za-z0-9_-]{0,2}\.[A-Za-z0-9_-]{1,3}", axis):
        time = RejectedTime(start_ns=facts["starttime"].ns, end_ns=facts["endtime"].ns, axis=axis)
    return RejectedLine(
        line=number,
        reason=reason,
        samples=int(facts["npts"]),
        kind=Rejection.CORRUPT_RECORD,
        of=Station(network=network, station=station) if station else None,
        time=time,
    )


def _code(record: bytes, first: int, stop: int) -> str:
    return record[first:stop].decode("ascii", "replace").strip()


def _records(content: bytes) -> Iterator[tuple[bytes, Any]]:
    """Each record, and what its header states (ObsPy's); up to where no header can be read."""
    from obspy.io.mseed.util import get_record_information

    file, offset = BytesIO(content), 0
    while offset + _HEADER_BYTES <= len(content):
        try:
            facts = get_record_information(file, offset=offset)
            length = int(facts["record_length"])
        except Exception:  # as above
            return
        if length <= 0:
            return
        yield content[offset : offset + length], facts
        offset += length
