"""Reader for OpenEEW recordings: JSON lines, about one a second and device, as archived and as live devices send them.

Archived: `{country_code, device_id, x, y, z, device_t, cloud_t, sr}`. Live: `{device_id, traces: [{x, y, z}]}`
and `{device_id, sr, traces: {x, y, z}}`, with the times their receiver added. Acceleration is in gal; times are
Unix seconds, of the last sample. A malformed line is rejected alone, with its reason.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from services.sensors.ingest.devices import Device, find
from services.sensors.ingest.packet_clock import Packet, stretches
from services.sensors.ingest.recording import (
    CONTENT_BYTES_MAX,
    ReadResult,
    Recording,
    RejectedLine,
    UnreadableRecording,
    disjoint,
    opened,
)
from services.sensors.store.waveform import Segment

# SEED manual, appendix A. B: 10 to 80 Hz with a response flat beyond 10 s, as a MEMS sensor's is, down to 0.
# N: accelerometer. Z: vertical, as OpenEEW documents z; 1 and 2: horizontal, but of no known azimuth, so not
# N and E.
CHANNELS = {"x": "BN1", "y": "BN2", "z": "BNZ"}

LINE_BYTES_MAX = 256 * 1024  # a record of ten seconds at 125 Hz takes 30 kB
REJECTED_MAX = 10_000
_NETWORK_UNKNOWN = "XX"  # FDSN keeps this code for networks without one
_RATE_HZ = 31.25  # where a record states none
_RATE_HZ_MAX = 1000.0
_ACCELERATION_GAL_MAX = 20_000.0  # the sensor measures to 8 g, about 7,850 gal
_EARLIEST, _LATEST = 1_262_304_000.0, 4_102_444_800.0  # 2010 and 2100


class _Rejection(Exception):
    """A line is left out; the text says why."""


def read(path: Path, *, devices: Path | None = None) -> ReadResult:
    """One recording a device; coordinates from `devices`, else from a devices.json beside or above the file.

    Acceleration becomes integer milligal, exactly: a line with finer values is rejected. Raises
    UnreadableRecording, also when no line is left.
    """
    packets: defaultdict[tuple[str, str], list[Packet]] = defaultdict(list)
    rejected: list[RejectedLine] = []
    line_count = 0
    for number, line in _lines(path):
        line_count += 1
        try:
            station, line_packets = _record(line)
            packets[station] += line_packets
        except _Rejection as rejection:
            rejected.append(RejectedLine(line=number, reason=str(rejection)))
            if len(rejected) > REJECTED_MAX:
                break
    if not packets or len(rejected) > REJECTED_MAX:
        first = f", line {rejected[0].line}: {rejected[0].reason}" if rejected else ""
        reason = f"{len(rejected)} of {line_count} lines are not OpenEEW records{first}"
        raise UnreadableRecording(path, reason, "Check that it is an OpenEEW file")
    known = find(path, devices)
    recordings = tuple(
        _recording(network, device_id, known.get(device_id), packets[network, device_id])
        for network, device_id in sorted(packets)
    )
    return ReadResult(recordings=recordings, lines_read=line_count, rejected=tuple(rejected))


def station_code(device_id: str) -> str:
    """The device id where it fits SEED's five characters, as archived ones do; else five made from it.

    Two of a thousand longer ids meet with a probability of 1 %: compare `Recording.name`, which holds the id.
    """
    if re.fullmatch("[A-Za-z0-9]{1,5}", device_id):
        return device_id.upper()
    number = int.from_bytes(sha256(device_id.encode()).digest())
    return "".join("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number // 36**place % 36] for place in range(5))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers; an over-long one comes cut, a byte over the limit."""
    number, size = 0, 0
    with opened(path) as content:
        while line := content.readline(LINE_BYTES_MAX + 1):
            number += 1
            rest = line
            while not rest.endswith(b"\n") and (rest := content.readline(LINE_BYTES_MAX)):
                size += len(rest)
            size += len(line)
            if size > CONTENT_BYTES_MAX:
                reason = f"holds more than {CONTENT_BYTES_MAX // 2**20} MB"
                raise UnreadableRecording(path, reason, "Split it into smaller files")
            if line.strip():
                yield number, line


def _record(line: bytes) -> tuple[tuple[str, str], list[Packet]]:
    if len(line) > LINE_BYTES_MAX:
        raise _Rejection(f"it is longer than {LINE_BYTES_MAX // 1024} kB")
    try:
        record = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _Rejection("it is not JSON") from error
    if not isinstance(record, dict):
        raise _Rejection("it is not a JSON object")
    device_id = record.get("device_id")
    if not (isinstance(device_id, str) and re.fullmatch(r"[!-~]{1,64}", device_id)):
        raise _Rejection("device_id is missing, or is not 1 to 64 visible ASCII characters")
    country = record.get("country_code") or _NETWORK_UNKNOWN
    if not (isinstance(country, str) and re.fullmatch("[A-Za-z]{2}", country)):
        raise _Rejection("country_code is not two letters")
    return (country.upper(), device_id), list(_packets(record))


def _packets(record: dict[str, Any]) -> Iterator[Packet]:  # Any: JSON, judged below value by value
    traces = record.get("traces", record)
    traces = traces if isinstance(traces, list) else [traces]
    if not traces or not all(isinstance(trace, dict) for trace in traces):
        raise _Rejection("traces does not hold objects with x, y and z")
    cloud_t = _time(record, "cloud_t", _EARLIEST)
    # A device's clock that was never set still tells how samples are spaced.
    earliest = _EARLIEST if cloud_t is None else 0.0
    device_t = _time(record, "device_t", earliest)
    later_seconds = 0.0  # the record's times are of its last trace's last sample
    for trace in reversed(traces):
        rate_hz = _rate({"sr": record.get("sr"), **trace})
        samples = _milligal(trace)
        trace_t = _time(trace, "t", earliest)
        if trace_t is None and device_t is not None:
            trace_t = device_t - later_seconds
        if cloud_t is None and trace_t is None:
            raise _Rejection("it has neither cloud_t nor device_t")
        yield Packet(
            device_t=trace_t,
            cloud_t=None if cloud_t is None else cloud_t - later_seconds,
            sample_rate_hz=rate_hz,
            samples=samples,
        )
        later_seconds += samples.shape[1] / rate_hz


def _milligal(trace: dict[str, Any]) -> NDArray[np.int32]:
    axes = [trace.get(axis) for axis in CHANNELS]
    for name, axis in zip(CHANNELS, axes, strict=True):
        # bool is an int to Python and to NumPy, but no acceleration.
        if not (isinstance(axis, list) and axis and {type(value) for value in axis} <= {int, float}):
            raise _Rejection(f"{name} is not a list of numbers")
    if len({len(axis) for axis in axes if axis}) != 1:
        raise _Rejection("x, y and z differ in length")
    try:
        milligal = np.array(axes, dtype=np.float64) * 1000
    except OverflowError:
        raise _Rejection(f"a value is above {_ACCELERATION_GAL_MAX:.0f} gal, beyond every sensor") from None
    if not (np.abs(milligal) <= _ACCELERATION_GAL_MAX * 1000).all():
        raise _Rejection(f"a value is above {_ACCELERATION_GAL_MAX:.0f} gal, beyond every sensor")
    whole = np.rint(milligal)
    # A hundredth, for decimals are not exact in binary, and less so if the device computed in float32.
    if (np.abs(milligal - whole) > 0.01).any():
        raise _Rejection("a value is finer than a milligal")
    return whole.astype(np.int32)


def _time(holder: dict[str, Any], name: str, earliest: float) -> float | None:
    value = holder.get(name)
    if value is None:
        return None
    if type(value) not in (int, float) or not earliest <= value < _LATEST:
        raise _Rejection(f"{name} is not a plausible time in Unix seconds")
    return float(value)


def _rate(holder: dict[str, Any]) -> float:
    value = _RATE_HZ if holder["sr"] is None else holder["sr"]
    if type(value) not in (int, float) or not 1 <= value <= _RATE_HZ_MAX:
        raise _Rejection(f"sr is not a sample rate from 1 to {_RATE_HZ_MAX:.0f} Hz")
    return float(value)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _recording(network: str, device_id: str, device: Device | None, packets: list[Packet]) -> Recording:
    segments = [
        Segment(
            channel=channel,
            location_code="",
            start_ns=stretch.start_ns,
            sample_rate_hz=stretch.sample_rate_hz,
            samples=samples,
        )
        for stretch in stretches(packets)
        for channel, samples in zip(CHANNELS.values(), stretch.samples, strict=True)
    ]
    return Recording(
        network=network,
        station=station_code(device_id),
        name=device_id,
        latitude=device.latitude if device else None,
        longitude=device.longitude if device else None,
        elevation_m=device.elevation_m if device else None,
        unit="mGal",
        segments=disjoint(segments),
    )
