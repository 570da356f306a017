"""Records of a miniSEED file one by one, for a file in which some fail their own check, or cannot be read.

Steim compression ends each record with the value that decoding must come to. ObsPy only warns where it does not, and
gives the samples of the whole file as one; they would be stored as if they were right. What is no record at all it
passes over, or gives up the file for.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from services.sensors.accounting.rejection import RejectedTime, Rejection
from services.sensors.ingest.recording import RejectedLine, Station

Reader = Callable[[Any], Any]
"""ObsPy's, of a path or a file."""

_DOUBTS = ("integrity check", "not a seed record", "enough to constitute a full seed record")  # in ObsPy's warnings
_NUMBER = re.compile(rb"[0-9 \0]{6}")  # with which a header begins
_HEADER = re.compile(rb"[0-9 \0]{6}[DRQM][ \0][ -~\0]{12}")  # to its codes
_NO_SAMPLES = re.compile(rb"[0-9 \0]{6}[VAST ][ *\0]|[ \0]+$")  # headers of a full SEED volume, and what fills it up
_HEADER_BYTES = 48
_HEADERS_BYTES = 4096  # in which a record states its length
_STEP_BYTES = 64
_COUNT, _DATA = slice(30, 32), slice(44, 46)
_SAMPLE_BYTES = {0: 1, 1: 2, 2: 3, 3: 4, 4: 4, 5: 8, 10: 1, 13: 3, 14: 2, 15: 2, 16: 2, 30: 2, 31: 2, 32: 2, 33: 2}
"""By encoding, as SEED numbers them. Compressed ones: at best."""
_LEAST_BYTES = 4 / 7  # Steim2's seven in a word
# Network, station, location and channel of miniSEED 2, the one that has checks in its samples.
_CODES = (18, 20), (8, 13), (13, 15), (15, 18)


class _Part(NamedTuple):
    """A record with what its header states (ObsPy's), or what is between two of which no header can be read: None."""

    first: int
    content: bytes
    facts: Any | None

    @property
    def length(self) -> int:
        return len(self.content) if self.facts is None else int(self.facts["record_length"])

    @property
    def is_cut_short(self) -> bool:
        return len(self.content) < max(self.length, _HEADER_BYTES)

    @property
    def is_empty(self) -> bool:
        return self.facts is None and _NO_SAMPLES.match(self.content) is not None

    @property
    def is_whole(self) -> bool:
        return self.facts is not None and not self.is_cut_short and self.facts["npts"] <= self.room

    @property
    def room(self) -> float:
        """How many samples its bytes can hold. ObsPy reads on behind them, where more are stated."""
        if self.facts is None:
            return (self.length - _HEADER_BYTES) / _LEAST_BYTES
        begin = int.from_bytes(self.content[_DATA], "big" if self.facts["byteorder"] == ">" else "little")
        sample_bytes = _SAMPLE_BYTES.get(self.facts.get("encoding"), _LEAST_BYTES)
        return (self.length - max(begin, _HEADER_BYTES)) / sample_bytes


def read(path: Path, reader: Reader, caught: Sequence[warnings.WarningMessage]) -> tuple[list[Any], list[RejectedLine]]:
    """Traces (ObsPy's, which have no types), and records that are rejected: one by one where any is not whole.

    `caught`: where its warnings come. Raises what it raises, where not one sample can be counted.
    """
    content = path.read_bytes()
    if not all(part.is_whole or part.is_empty for part in _parts(content)):
        return _one_by_one(content, reader)
    try:
        traces = list(reader(str(path)))
    except Exception:
        traces, rejected = _one_by_one(content, reader)
        if not traces and not any(one.samples for one in rejected):
            raise
        return traces, rejected
    return _one_by_one(content, reader) if any(map(_is_doubt, caught)) else (traces, [])


def _is_doubt(warning: warnings.WarningMessage) -> bool:
    """Whether the reader says that something of the file is not what was written."""
    said = str(warning.message).lower()
    return any(doubt in said for doubt in _DOUBTS)


def _one_by_one(content: bytes, reader: Reader) -> tuple[list[Any], list[RejectedLine]]:
    traces: list[Any] = []
    rejected: list[RejectedLine] = []
    for number, part in enumerate(_parts(content), start=1):
        reason, found = _read(part, reader)
        if reason is None:
            traces += found
        elif not part.is_empty:
            rejected.append(_rejected(number, f"record {number}{reason}", part))
    return traces, rejected


def _read(part: _Part, reader: Reader) -> tuple[str | None, list[Any]]:
    """Why it is rejected, else its traces."""
    stop = part.first + len(part.content)
    if part.is_cut_short:
        return f": the file is cut short here, at byte {stop}: fetch it again", []
    if part.facts is None:
        return f": its header cannot be read (bytes {part.first} to {stop - 1})", []
    if not part.is_whole:
        return f": it states {part.facts['npts']} samples, more than it can hold", []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = list(reader(BytesIO(part.content)))
        except Exception as error:  # ObsPy raises bare Exceptions for what it cannot read
            return f": {' '.join(str(error).split())[:300]}", []
    if any(map(_is_doubt, caught)):
        return " fails its own check: its samples are not what was written", []
    return None, found


def _rejected(number: int, reason: str, part: _Part) -> RejectedLine:
    network, station, location, channel = (_code(part.content, *place) for place in _CODES)
    axis, time = f"{location}.{channel}", None
    if part.is_whole and part.facts is not None and re.fullmatch(r"[A-Za-z0-9_-]{0,2}\.[A-Za-z0-9_-]{1,3}", axis):
        time = RejectedTime(start_ns=part.facts["starttime"].ns, end_ns=part.facts["endtime"].ns, axis=axis)
    are_codes = re.fullmatch("[A-Za-z0-9_-]{0,2}", network) and re.fullmatch("[A-Za-z0-9_-]{1,5}", station)
    return RejectedLine(
        line=number,
        reason=reason,
        samples=_stated(part),
        kind=Rejection.CORRUPT_RECORD,
        of=Station(network=network, station=station) if are_codes else None,
        time=time,
    )


def _stated(part: _Part) -> int:
    """How many samples it says that it has; 0 where that is more than so many bytes can hold."""
    if part.facts is not None:
        stated = int(part.facts["npts"])
    elif _NUMBER.match(part.content):
        stated = int.from_bytes(part.content[_COUNT], "big")
    else:
        return 0
    return stated if stated <= part.room else 0


def _code(record: bytes, first: int, stop: int) -> str:
    return record[first:stop].decode("ascii", "replace").strip()


def _parts(content: bytes) -> Iterator[_Part]:
    """All of it."""
    first = 0
    while first < len(content):
        facts = _facts(content, first)
        if facts is not None:
            stop = first + int(facts["record_length"])
        else:
            nexts = range(first + _STEP_BYTES, len(content), _STEP_BYTES)
            stop = next((at for at in nexts if _facts(content, at) is not None), len(content))
        yield _Part(first, content[first:stop], facts)
        first = stop


def _facts(content: bytes, first: int) -> Any | None:
    from obspy.io.mseed.util import get_record_information

    if not _HEADER.match(content, first):
        return None
    with warnings.catch_warnings(action="ignore"):
        try:
            facts = get_record_information(BytesIO(content[first : first + _HEADERS_BYTES]))
        except Exception:  # as above
            return None
    return facts if facts["record_length"] >= _HEADER_BYTES else None
