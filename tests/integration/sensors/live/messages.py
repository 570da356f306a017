"""Messages as bridges publish them, in the three shapes that devices have, and what is stored of them."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from services.sensors.assembly import Sensors
from services.sensors.networks.network import Settings
from shared.messaging.readings.reading import Reading
from tests.examples import NOON, ORGANISATION_ID, ORIGIN

BRIDGE = "bridge-mexico"
BEGIN_SECONDS = NOON.timestamp() - 7200
SPACING_SECONDS = 1.024
ALL_TIME = (0, 4_000_000_000_000_000_000)


def network(sensors: Sensors, **settings: Any) -> str:
    return sensors.networks.commands.create(ORGANISATION_ID, Settings(name="Mexico", **settings), ORIGIN)


def archived(number: int, device_id: str = "001", shift: float = 0.0, begin: float = BEGIN_SECONDS) -> dict[str, Any]:
    """The shape of the archive: 32 samples of three axes a record, that count."""
    axis = [(number * 32 + index + shift) / 1000 for index in range(32)]
    device_t = round(begin + number * SPACING_SECONDS, 3)
    times = {"device_t": device_t, "cloud_t": round(device_t + 0.4, 3)}
    return {"country_code": "mx", "device_id": device_id, "x": axis, "y": axis, "z": axis, "sr": 31.25, **times}


def with_list(number: int, device_id: str = "001") -> dict[str, Any]:
    """One live shape: a list of traces."""
    whole = archived(number, device_id)
    trace = {axis: whole[axis] for axis in "xyz"} | {"sr": 31.25, "t": whole["device_t"]}
    return {"device_id": device_id, "traces": [trace], "device_t": whole["device_t"], "cloud_t": whole["cloud_t"]}


def with_object(number: int, device_id: str = "001") -> dict[str, Any]:
    """The other one: an object."""
    whole = archived(number, device_id)
    traces = {axis: whole[axis] for axis in "xyz"}
    times = {name: whole[name] for name in ("device_t", "cloud_t")}
    return {"device_id": device_id, "sr": 31.25, "traces": traces, **times}


def undated(number: int, device_id: str = "001") -> dict[str, Any]:
    """A message that says nothing of its time."""
    return {name: value for name, value in archived(number, device_id).items() if name not in ("device_t", "cloud_t")}


def readings(
    network_id: str,
    messages: Iterable[dict[str, Any] | bytes],
    account: str | None = BRIDGE,
    *,
    is_redelivered: bool = False,
) -> list[Reading]:
    return [
        Reading(
            account=account,
            network_id=network_id,
            body=message if isinstance(message, bytes) else json.dumps(message).encode(),
            sent_ns=None,
            is_redelivered=is_redelivered,
        )
        for message in messages
    ]


def served(sensors: Sensors, sensor_id: str, channel: str = "BNZ") -> list[tuple[int, list[int]]]:
    """Start and values of each segment."""
    segments = sensors.samples.reader.segments(sensor_id, *ALL_TIME, channel)
    return [(segment.start_ns, segment.samples.tolist()) for segment in segments]


def counting(stops: Sequence[int]) -> list[int]:
    return [
        value for first, stop in zip(stops[::2], stops[1::2], strict=True) for value in range(first * 32, stop * 32)
    ]
