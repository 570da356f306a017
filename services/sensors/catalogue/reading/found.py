"""What a catalogue yields: its events, and those rejected, with the reason; and the checks that all have in common."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BufferedIOBase
from pathlib import Path

from services.sensors.catalogue.solution import Solution
from services.sensors.ingest.recording import UnreadableRecording
from shared.values.timestamps import from_rfc3339

CONTENT_BYTES_MAX = 64 * 2**20
"""Of one file, unpacked."""

_CHUNK_BYTES = 2**16
_PUBLIC_ID_CHARACTERS_MAX = 255
MAGNITUDES = (-5.0, 12.0)
_AHEAD_MAX = timedelta(days=1)
# ResourceIdentifier of the QuakeML-BED 1.2 schema, in ASCII; its first part is the authority that gave it.
_PUBLIC_ID = re.compile(
    r"(?:smi|quakeml):([A-Za-z0-9_][A-Za-z0-9_\-.*()~']{2,})/[A-Za-z0-9_\-.*()~'][A-Za-z0-9_\-.*()+?~'=,;#/&]*"
)
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?", re.ASCII)
_MAGNITUDE_TYPE = re.compile(r"[A-Za-z][ -~]{0,31}")


class Unusable(Exception):
    """An event cannot be taken; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEvent:
    """`solution` None: the source says that it did not happen. `said_at`: when the source made it, if it tells."""

    source: str
    public_id: str
    solution: Solution | None
    said_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedEvent:
    """`place`: the event's own id, or where it stands in the file."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCatalogue:
    events: tuple[FoundEvent, ...]
    rejected: tuple[RejectedEvent, ...]


def pieces(content: BufferedIOBase, path: Path) -> Iterator[bytes]:
    """The content piece by piece. Raises UnreadableRecording past CONTENT_BYTES_MAX."""
    left = CONTENT_BYTES_MAX
    while piece := content.read(_CHUNK_BYTES):
        left -= len(piece)
        if left < 0:
            reason = f"it is larger than {CONTENT_BYTES_MAX // 2**20} MiB"
            raise UnreadableRecording(path, reason, "Split it into several catalogues")
        yield piece


def authority(public_id: str) -> str:
    """Who gave the identifier. Raises Unusable."""
    found = _PUBLIC_ID.fullmatch(public_id)
    if found is None or len(public_id) > _PUBLIC_ID_CHARACTERS_MAX:
        raise Unusable(
            f"publicID: must be a QuakeML identifier, such as smi:org.example/event/1, not {public_id!r:.80}"
        )
    return found[1]


def number(text: str, name: str, least: float, most: float) -> float:
    """Raises Unusable."""
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not least <= value <= most:
        raise Unusable(f"{name}: must be a number from {least:g} to {most:g}, not {text!r:.40}")
    return value + 0.0  # no -0.0, which would be another text and the same number


def origin_time(text: str, now: datetime) -> datetime:
    """Raises Unusable."""
    found = moment(text, "time")
    if found > now + _AHEAD_MAX:
        raise Unusable("time: is in the future")
    return found


def moment(text: str, name: str) -> datetime:
    """UTC where no offset is given, as QuakeML says. Raises Unusable."""
    has_offset = re.search(r"([Zz]|[+-][0-9]{2}:[0-9]{2})\Z", text)
    try:
        return from_rfc3339(text if has_offset else f"{text}Z")
    except ValueError:
        raise Unusable(f"{name}: must be a time such as 2026-11-23T08:17:00.5Z, not {text!r:.40}") from None


def magnitude_type(text: str) -> str:
    """Raises Unusable."""
    if _MAGNITUDE_TYPE.fullmatch(text) is None:
        raise Unusable(f"magnitude type: must be such as Mw or mb_Lg, not {text!r:.40}")
    return text
