"""Reader of one OpenEEW message, as archived and in both shapes that live devices send.

Archived: `{country_code, device_id, x, y, z, device_t, cloud_t, sr}`. Live: `{device_id, traces: [{x, y, z, t, sr}]}`
and `{device_id, sr, traces: {x, y, z}}`, with the times their receiver added. Acceleration is in gal; times are Unix
seconds, of the last sample. A malformed message is rejected alone, with its reason and the samples that it shows.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.sensors.accounting.rejection import RejectedTime, Rejection
from services.sensors.arrival.record import AXES, Record
from services.sensors.arrival.time_arrival import Timed

MESSAGE_BYTES_MAX = 256 * 1024  # a record of ten seconds at 125 Hz takes 30 kB
AHEAD_SECONDS_MAX = 300
_EARLIEST_SECONDS = 1_262_304_000  # 2010: no device is older, and a clock that says so was never set
_RATE_HZ = 31.25  # where a record states none
_RATE_HZ_MAX = 1000.0
_ACCELERATION_GAL_MAX = 20_000.0  # the sensor measures to 8 g, about 7,850 gal
_NS = 1_000_000_000
_NUMBERS = {int, float}
T = TypeVar("T")


class MessageRejected(Exception):
    """`reason` is a text for users. `samples`: how many it shows on all axes together, as far as it can be read.

    `device_id`, `time`: None: it states none that could be.
    """

    def __init__(
        self,
        reason: str,
        samples: int = 0,
        kind: Rejection = Rejection.MALFORMED,
        device_id: str | None = None,
        time: RejectedTime | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.samples, self.kind, self.device_id, self.time = reason, samples, kind, device_id, time


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Message:
    """`records` have both clocks; `timed` is by axis what has only one. `is_dated`: the message says that one."""

    device_id: str
    records: tuple[Record, ...]
    timed: tuple[Timed, ...]
    is_dated: bool

    @property
    def samples(self) -> int:
        """On all axes together."""
        return sum(record.values.size for record in self.records) + sum(one.samples.size for one in self.timed)

    @property
    def time(self) -> RejectedTime:
        """Of its samples, were they rejected."""
        starts = [one.cloud_ns - round((one.count - 1) * _NS / one.rate_hz) for one in self.records]
        ends = [one.start_ns + round((one.samples.size - 1) * _NS / one.rate_hz) for one in self.timed]
        return RejectedTime(
            start_ns=min([*starts, *(one.start_ns for one in self.timed)]),
            end_ns=max([*ends, *(one.cloud_ns for one in self.records)]),
        )

    @property
    def earliest_ns(self) -> int:
        return min([*(record.cloud_ns for record in self.records), *(one.start_ns for one in self.timed)])


def parse(
    content: bytes, *, source: str, now_ns: int, received_ns: int | None = None, sender: str | None = None
) -> Message:
    """`received_ns`: when it came, for messages to which no receiver added `cloud_t`. Raises MessageRejected."""
    if len(content) > MESSAGE_BYTES_MAX:
        raise MessageRejected(f"it is longer than {MESSAGE_BYTES_MAX // 1024} kB", kind=Rejection.UNREADABLE)
    try:
        message = _decoded(content)
    except (ValueError, RecursionError) as error:
        raise MessageRejected("it is not JSON", kind=Rejection.UNREADABLE) from error
    if not isinstance(message, dict):
        raise MessageRejected("it is not a JSON object")
    try:
        return _message(message, source, now_ns, received_ns, sender)
    except MessageRejected as rejected:
        shown = _shown(message)
        time = _time_shown(message, shown, now_ns, received_ns)
        raise MessageRejected(rejected.reason, shown, rejected.kind, _device_id(message), time) from None


def _decoded(content: bytes) -> Any:
    """By the faster of two readers; the other one knows more encodings, and NaN. Raises ValueError, RecursionError."""
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        return json.loads(content)


def _message(message: dict[str, Any], source: str, now_ns: int, received_ns: int | None, sender: str | None) -> Message:
    device_id = _device_id(message)
    if device_id is None:
        raise MessageRejected("device_id is missing, or is not 1 to 64 visible ASCII characters")
    cloud_ns = _time(message, "cloud_t", now_ns)
    is_dated, says_when = True, cloud_ns is not None
    if cloud_ns is None:
        cloud_ns = received_ns
    records: list[Record] = []
    timed: list[Timed] = []
    for device_ns, rate_hz, values, later_ns in _traces(message, now_ns):
        arrived_ns = None if cloud_ns is None else cloud_ns - later_ns
        if device_ns is not None and arrived_ns is not None:
            records.append(
                Record(
                    device_ns=device_ns,
                    cloud_ns=arrived_ns,
                    rate_hz=rate_hz,
                    values=values,
                    source=source,
                    sender=sender,
                )
            )
            continue
        is_dated = is_dated and (says_when or device_ns is not None)
        last_ns = device_ns if arrived_ns is None else arrived_ns
        if last_ns is None:
            raise MessageRejected("it has neither cloud_t nor device_t")
        start_ns = last_ns - round((values.shape[1] - 1) * _NS / rate_hz)
        timed += [
            Timed(axis=axis, start_ns=start_ns, rate_hz=rate_hz, samples=of_axis, source=source, sender=sender)
            for axis, of_axis in zip(AXES, values, strict=True)
        ]
    return Message(device_id=device_id, records=tuple(records), timed=tuple(timed), is_dated=is_dated)


def _device_id(message: dict[str, Any]) -> str | None:
    device_id = message.get("device_id")
    return device_id if isinstance(device_id, str) and re.fullmatch(r"[!-~]{1,64}", device_id) else None


def _traces(
    message: dict[str, Any], now_ns: int
) -> Iterator[tuple[int | None, float, NDArray[np.int32 | np.float64], int]]:
    """Device time of the last sample, rate, samples, and how long before the message's own times that was."""
    traces = message.get("traces", message)
    traces = traces if isinstance(traces, list) else [traces]
    if not traces or not all(isinstance(trace, dict) for trace in traces):
        raise MessageRejected("traces does not hold objects with x, y and z")
    device_ns = _time(message, "device_t", now_ns)
    later_ns = 0  # the message's times are of its last trace's last sample
    last_ns: int | None = None  # the same by the device's clock
    for trace in reversed(traces):
        rate_hz = _rate({"sr": message.get("sr"), **trace})
        values = _milligal(trace)
        trace_ns = _time(trace, "t", now_ns)
        if trace_ns is None and device_ns is not None:
            trace_ns = device_ns - later_ns
        elif trace_ns is not None and last_ns is not None and trace_ns <= last_ns:
            later_ns = last_ns - trace_ns  # a device's rate is not quite the one that it states
        if last_ns is None and trace_ns is not None:
            last_ns = trace_ns + later_ns
        yield trace_ns, rate_hz, values, later_ns
        later_ns += round(values.shape[1] * _NS / rate_hz)


def _milligal(trace: dict[str, Any]) -> NDArray[np.int32 | np.float64]:
    """Integers where that is exact, else floats."""
    axes = [trace.get(axis) for axis in AXES]
    for name, axis in zip(AXES, axes, strict=True):
        # bool is an int to Python and to NumPy, but no acceleration.
        if not (isinstance(axis, list) and axis and set(map(type, axis)) <= _NUMBERS):
            raise MessageRejected(f"{name} is not a list of numbers")
    if len({len(axis) for axis in axes if axis}) != 1:
        raise MessageRejected("x, y and z differ in length")
    beyond = MessageRejected(
        f"a value is above {_ACCELERATION_GAL_MAX:.0f} gal, beyond every sensor", kind=Rejection.VALUE_TOO_GREAT
    )
    try:
        gal: NDArray[np.float64] = np.array(axes, dtype=np.float64)
    except OverflowError:
        raise beyond from None
    if np.isnan(gal).any():
        raise MessageRejected("a value is not a number")
    if not (np.abs(gal) <= _ACCELERATION_GAL_MAX).all():
        raise beyond
    milligal = gal * 1000
    whole = np.rint(milligal)
    # A thousandth, for decimals are not exact in binary, and less so if the device computed in float32.
    if (np.abs(milligal - whole) <= 0.001).all():
        return whole.astype(np.int32)
    return np.round(milligal, 9)


def _time(holder: dict[str, Any], name: str, now_ns: int) -> int | None:
    value = holder.get(name)
    if value is None:
        return None
    if type(value) not in (int, float) or not abs(value) < 1e11:
        raise MessageRejected(f"{name} is not a time in Unix seconds")
    if value < _EARLIEST_SECONDS:
        raise MessageRejected(f"{name} is before 2010: the clock was never set", kind=Rejection.CLOCK_NEVER_SET)
    if value > now_ns / _NS + AHEAD_SECONDS_MAX:
        reason = f"{name} is more than {AHEAD_SECONDS_MAX // 60} minutes ahead"
        raise MessageRejected(reason, kind=Rejection.CLOCK_AHEAD)
    return round(float(value) * 1_000_000) * 1000


def _rate(holder: dict[str, Any]) -> float:
    value = _RATE_HZ if holder["sr"] is None else holder["sr"]
    if type(value) not in (int, float) or not 1 <= value <= _RATE_HZ_MAX:
        raise MessageRejected(f"sr is not a sample rate from 1 to {_RATE_HZ_MAX:.0f} Hz")
    return float(value)


def _shown(message: dict[str, Any]) -> int:
    traces = message.get("traces", message)
    found = traces if isinstance(traces, list) else [traces]
    axes = [trace.get(axis) for trace in found if isinstance(trace, dict) for axis in AXES]
    return sum(len(axis) for axis in axes if isinstance(axis, list))


def _time_shown(message: dict[str, Any], samples: int, now_ns: int, received_ns: int | None) -> RejectedTime | None:
    """Of the samples: by the receiver's time if it is one, else by the device's."""
    if not samples:
        return None
    told = _valid(_time, message, "cloud_t", now_ns) or received_ns or _valid(_time, message, "device_t", now_ns)
    if told is None:
        return None
    rate_hz = _valid(_rate, {"sr": message.get("sr")}) or _RATE_HZ
    return RejectedTime(start_ns=told - round(samples / len(AXES) / rate_hz * _NS), end_ns=told)


def _valid(read: Callable[..., T], *given: Any) -> T | None:
    try:
        return read(*given)
    except MessageRejected:
        return None
