"""JSON of recordings: segments with their samples, and the product's flat form of a channel without a gap."""

from collections.abc import Sequence
from typing import Any

import msgspec

from services.sensors.recordings.asked_channel import named_by
from services.sensors.recordings.time_range import TimeRange
from services.sensors.registry.queries import SensorView
from services.sensors.store.waveform import Segment, thin
from shared.values.timestamps import from_nanoseconds, rfc3339

_encode = msgspec.json.Encoder().encode


def recording(
    sensor: SensorView, wanted: TimeRange, channel: str | None, segments: Sequence[Segment], max_points: int | None
) -> dict[str, Any]:
    """`segments`: of that range and channel; None: of all. `max_points`: of each segment; None: all samples."""
    told = [_segment(segment if max_points is None else thin(segment, max_points)) for segment in segments]
    flat = _flat(told) if told else _empty(sensor, wanted, channel)
    return {"sensor_id": sensor.id, "unit": sensor.unit, **flat, "segments": told}


def _flat(told: list[dict[str, Any]]) -> dict[str, Any]:
    """What programs read that know of no gaps: there where there is one channel, without a gap."""
    if len(told) != 1:
        return {}
    return {name: value for name, value in told[0].items() if name != "location_code"}


def _empty(sensor: SensorView, wanted: TimeRange, channel: str | None) -> dict[str, Any]:
    """The same without a sample; times are of the range. None: not known."""
    codes = named_by(channel, [one.code for one in sensor.channels])
    named = [one for one in sensor.channels if codes is None or one.code in codes]
    only = named[0] if len(named) == 1 else None
    if only is None and channel is None:
        return {}
    times = (None, None) if wanted.is_empty else (_time(wanted.start_ns), _time(wanted.end_ns))
    return {
        "channel": channel if only is None else only.code,
        "start_time": times[0],
        "end_time": times[1],
        "sample_rate": None if only is None else only.sample_rate_hz,
        "samples": [],
    }


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "channel": segment.channel,
        "location_code": segment.location_code,
        "start_time": _time(segment.start_ns),
        "end_time": _time(segment.end_ns),
        "sample_rate": segment.sample_rate_hz,
        # Encoded once, and put in twice where the flat form says them again.
        "samples": msgspec.Raw(_encode(segment.samples.tolist())),
    }


def _time(at_ns: int) -> str:
    return rfc3339(from_nanoseconds(at_ns))
