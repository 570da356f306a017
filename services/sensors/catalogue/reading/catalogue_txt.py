"""Reader of catalogue.txt, OpenEEW's list of earthquakes: blocks of `name = value` lines between lines of dashes.

A name is unique within one source, which the file does not say; the magnitude's type and the depth are not in it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from services.sensors.catalogue.reading import found
from services.sensors.catalogue.reading.found import FoundEvent, ReadCatalogue, RejectedEvent, Unusable
from services.sensors.catalogue.solution import Solution
from services.sensors.ingest.recording import UnreadableRecording, opened

SOURCE = "openeew"
_NEEDED = ("name", "time", "latitude", "longitude")
_KNOWN = {*_NEEDED, "magnitude"}


def read(path: Path, now: datetime, source: str) -> ReadCatalogue:
    """Raises UnreadableRecording when it is no such list."""
    with opened(path) as content:
        text = b"".join(found.pieces(content, path))
    try:
        lines = text.decode().splitlines()
    except UnicodeDecodeError:
        lines = []
    events: list[FoundEvent] = []
    rejected: list[RejectedEvent] = []
    for line, block in _blocks(lines):
        try:
            events.append(_event(block, now, source))
        except Unusable as fault:
            rejected.append(RejectedEvent(place=f"line {line}", reason=str(fault)))
    if not events and len(rejected) <= 1:
        remedy = "Give QuakeML, or a catalogue.txt as OpenEEW has it"
        raise UnreadableRecording(path, "it is no catalogue that can be read here", remedy)
    return ReadCatalogue(events=tuple(events), rejected=tuple(rejected))


def _blocks(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Each with the number of its first line."""
    block: list[str] = []
    first = 0
    for number, line in enumerate((*lines, "-"), start=1):
        if not line.strip("- \t"):
            if block:
                yield first, block
            block = []
        else:
            first = first if block else number
            block.append(line)


def _event(block: list[str], now: datetime, source: str) -> FoundEvent:
    """Raises Unusable."""
    values: dict[str, str] = {}
    for line in block:
        name, sign, value = (part.strip() for part in line.partition("="))
        if not sign or name not in _KNOWN or name in values:
            raise Unusable(f"each line must be one of {', '.join(sorted(_KNOWN))}, =, and a value; not {line!r:.60}")
        values[name] = value
    if missing := [name for name in _NEEDED if name not in values]:
        raise Unusable(f"{', '.join(missing)}: not given")
    public_id = f"smi:{source}/event/{values['name']}"
    magnitude = values.get("magnitude")
    return FoundEvent(
        source=found.authority(public_id),
        public_id=public_id,
        solution=Solution(
            origin_time=found.origin_time(values["time"].replace(" ", "T", 1), now),
            latitude=found.number(values["latitude"], "latitude", -90, 90),
            longitude=found.number(values["longitude"], "longitude", -180, 180),
            magnitude=None if magnitude is None else found.number(magnitude, "magnitude", *found.MAGNITUDES),
        ),
        said_at=None,
    )
