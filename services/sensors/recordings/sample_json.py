"""JSON of recordings: segments with their samples, and the product's flat form of a single segment."""

from collections.abc import Sequence
from typing import Any

import msgspec

from services.sensors.store.waveform import Segment, thin
from shared.values.timestamps import from_nanoseconds, rfc3339

_encode = msgspec.json.Encoder().encode


def recording(sensor_id: str, unit: str, segments: Sequence[Segment], max_points: int | None) -> dict[str, Any]:
    """`max_points`: of each segment; None: all samples."""
    told = [_segment(segment if max_points is None else thin(segment, max_points)) for segment in segments]
    return {"sensor_id": sensor_id, "unit": unit, **_flat(told), "segments": told}


def _flat(told: list[dict[str, Any]]) -> dict[str, Any]:
    """What programs read that know of no gaps: there where there is one channel, without a gap."""
    if len(told) != 1:
        return {}
    return {name: value for name, value in told[0].items() if name != "location_code"}


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "channel": segment.channel,
        "location_code": segment.location_code,
        "start_time": rfc3339(from_nanoseconds(segment.start_ns)),
        "end_time": rfc3339(from_nanoseconds(segment.end_ns)),
        "sample_rate": segment.sample_rate_hz,
        # Encoded once, and put in twice where the flat form says them again.
        "samples": msgspec.Raw(_encode(segment.samples.tolist())),
    }
