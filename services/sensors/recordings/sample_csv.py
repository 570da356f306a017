"""CSV of recordings (RFC 4180): a line a sample with its own time, so that gaps show; no line for what is not there.

Only ASCII, and nothing that a spreadsheet would take for a formula: ids and codes are letters, digits, `_` and `-`.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from services.sensors.store.even_times import NS
from services.sensors.store.waveform import Segment

COLUMNS = ("sensor_id", "channel", "location_code", "time", "value")
HEADER = (",".join(COLUMNS) + "\r\n").encode()
_ROWS_AT_ONCE = 8192


def as_csv(sensor_id: str, segments: Iterable[Segment]) -> Iterator[bytes]:
    """Lines without the header, some thousand at once. Times as in JSON: UTC, to the microsecond."""
    for segment in segments:
        before = f"{sensor_id},{segment.channel},{segment.location_code},"
        for first in range(0, segment.samples.size, _ROWS_AT_ONCE):
            stop = min(first + _ROWS_AT_ONCE, segment.samples.size)
            values = segment.samples[first:stop].tolist()
            lines = zip(_times(segment, first, stop), values, strict=True)
            yield "".join(f"{before}{time}Z,{value}\r\n" for time, value in lines).encode()


def _times(segment: Segment, first: int, stop: int) -> list[str]:
    since_start = np.rint(np.arange(first, stop) * NS / segment.sample_rate_hz).astype(np.int64)
    microseconds = (segment.start_ns + since_start + 500) // 1000
    times: list[str] = np.datetime_as_string(microseconds.astype("datetime64[us]")).tolist()
    return times
