"""Reader for files of OpenEEW messages: JSON lines, about one a second and device, in any order."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from gzip import BadGzipFile
from hashlib import sha256
from io import BufferedIOBase
from pathlib import Path
from typing import BinaryIO, Final

from services.sensors.accounting.rejection import Rejection
from services.sensors.ingest.devices import Device, Devices, find
from services.sensors.ingest.devices import read as list_of_devices
from services.sensors.ingest.openeew_message import MESSAGE_BYTES_MAX, Message, MessageRejected, parse
from services.sensors.ingest.recording import (
    CONTENT_BYTES_MAX,
    Described,
    ReadResult,
    Recording,
    RejectedLine,
    Station,
    UnreadableRecording,
    incoming,
    is_after_end,
    name_of,
    opened,
)
from services.sensors.registry.changes import StateEpoch
from services.sensors.registry.epoch import Facts

REJECTED_MAX = 10_000
"""Lines that are listed one by one; of further ones only the samples are counted."""
DEVICE_UNIT: Final = "mGal"
NETWORK_UNKNOWN = "XX"  # FDSN keeps this code for networks without one; country codes are other networks' codes


def read(path: Path, *, devices: Path | None = None, now_ns: int) -> ReadResult:
    """One recording a device; positions from `devices`, else from a list of devices beside or above the file.

    Raises UnreadableRecording, also when no line shows a sample.
    """
    with opened(path) as content:
        return _read(content, path, find(path, devices), now_ns)


def read_lines(lines: BinaryIO, *, devices: Path | None = None, now_ns: int) -> ReadResult:
    """The same of lines without a file; positions from `devices`, else from a list in the working directory."""
    path = Path("standard input")
    with incoming(lines, path) as content:
        return _read(content, path, find(path, devices), now_ns)


def _read(content: BufferedIOBase, path: Path, devices: Devices, now_ns: int) -> ReadResult:
    messages: defaultdict[str, list[Message]] = defaultdict(list)
    rejected, name = _RejectedLines(), name_of(path)
    line_count = 0
    for number, line in _lines(content, path, rejected):
        line_count += 1
        try:
            message = parse(line, source=f"{name}:{number}", now_ns=now_ns)
            messages[message.device_id].append(message)
        except MessageRejected as rejection:
            rejected.add(
                RejectedLine(
                    line=number,
                    reason=rejection.reason,
                    samples=rejection.samples,
                    kind=rejection.kind,
                    of=_station(rejection.device_id),
                    time=rejection.time,
                )
            )
    all_rejected = rejected.all()
    if not messages and not any(one.samples for one in all_rejected):
        first = f", line {all_rejected[0].line}: {all_rejected[0].reason}" if all_rejected else ""
        reason = f"{rejected.count} of {line_count} lines are not OpenEEW records{first}"
        raise UnreadableRecording(path, reason, "Check that it is an OpenEEW file")
    recordings = tuple(recording(device_id, messages[device_id], devices) for device_id in sorted(messages))
    return ReadResult(recordings=recordings, lines_read=line_count, rejected=all_rejected)


class _RejectedLines:
    """Of one file. Beyond REJECTED_MAX, those of one station and reason are one, without a line."""

    def __init__(self) -> None:
        self.count = 0
        self._listed: list[RejectedLine] = []
        self._further: dict[tuple[Station | None, str], RejectedLine] = {}

    def add(self, one: RejectedLine) -> None:
        self.count += 1
        if self.count <= REJECTED_MAX:
            self._listed.append(one)
            return
        key = one.of, one.reason
        samples = one.samples + (self._further[key].samples if key in self._further else 0)
        self._further[key] = replace(one, line=None, samples=samples, time=None)

    def all(self) -> tuple[RejectedLine, ...]:
        return *self._listed, *self._further.values()


def _station(device_id: str | None) -> Station | None:
    if device_id is None:
        return None
    return Station(network=NETWORK_UNKNOWN, station=station_code(device_id), name=device_id)


def recording(device_id: str, messages: list[Message], devices: Devices) -> Recording:
    device = devices.at(device_id, messages[0].earliest_ns) or Device()
    return Recording(
        network=NETWORK_UNKNOWN,
        station=station_code(device_id),
        name=device_id,
        latitude=device.latitude,
        longitude=device.longitude,
        elevation_m=device.elevation_m,
        unit=DEVICE_UNIT,
        records=tuple(record for message in messages for record in message.records),
        segments=tuple(timed for message in messages for timed in message.timed),
        epochs=devices.epochs(device_id),
    )


def described(path: Path) -> ReadResult:
    """What a list of devices says, by itself. Raises UnreadableRecording."""
    devices = list_of_devices(path)
    stations = tuple(
        Described(network=NETWORK_UNKNOWN, station=station_code(device_id), epochs=devices.epochs(device_id))
        for device_id in devices
    )
    return ReadResult(recordings=(), lines_read=len(stations), rejected=(), described=stations)


def serial_number(device_id: str) -> StateEpoch:
    """What a device says of itself: its id is the number that it was made with."""
    facts = Facts(serial_number=device_id)
    return StateEpoch(axis=None, starts_at=None, ends_at=None, facts=facts, source="the device itself")


def station_code(device_id: str) -> str:
    """The device id where it fits SEED's five characters, as archived ones do; else five made from it.

    Two of a thousand longer ids meet with a probability of 1 %: compare `Recording.name`, which holds the id.
    """
    if re.fullmatch("[A-Za-z0-9]{1,5}", device_id):
        return device_id.upper()
    number = int.from_bytes(sha256(device_id.encode()).digest())
    return "".join("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number // 36**place % 36] for place in range(5))


def _lines(content: BufferedIOBase, path: Path, rejected: _RejectedLines) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers; an over-long one comes cut, a byte over the limit.

    Where a packed file is cut short, or other bytes follow its end, what came before is kept, and the place is added to
    those rejected.
    """
    number, size = 0, 0
    while True:
        try:
            line = content.readline(MESSAGE_BYTES_MAX + 1)
            number += 1
            rest = line
            while rest and not rest.endswith(b"\n") and (rest := content.readline(MESSAGE_BYTES_MAX)):
                size += len(rest)
        except (EOFError, BadGzipFile) as error:
            if number == 0 or not (isinstance(error, EOFError) or is_after_end(error)):
                raise
            what = "other bytes follow the gzip file's end" if is_after_end(error) else "the file is cut short"
            reason = f"{what} here: fetch it again"
            rejected.add(RejectedLine(line=number + 1, reason=reason, kind=Rejection.UNREADABLE))
            return
        if not line:
            return
        size += len(line)
        if size > CONTENT_BYTES_MAX:
            reason = f"holds more than {CONTENT_BYTES_MAX // 2**20} MB"
            raise UnreadableRecording(path, reason, "Split it into smaller files")
        if line.strip():
            yield number, line
