"""SAC binary files (IRIS, SAC data file format, header version 6), little-endian: one channel without a gap.

SAC's samples are 32-bit floats: integers beyond 2**24 are rounded, and what must be exact is asked for as miniSEED.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from services.sensors.registry.sensor import Location
from services.sensors.store.even_times import NS
from services.sensors.store.waveform import Segment

_UNDEFINED, _UNDEFINED_TEXT = -12345, "-12345"
_FLOATS, _INTEGERS = 70, 40
_VERSION = 6
_TIME_SERIES, _UNKNOWN_UNIT, _BEGINS = 1, 5, 9  # ITIME, IUNKN, IB
_VERTICAL = "Z"
_AZIMUTHS = {"N": 0.0, "E": 90.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    network: str
    station: str
    location: Location | None


def as_sac(station: Station, segment: Segment) -> bytes:
    samples = segment.samples.astype("<f4")
    return _header(station, segment, samples) + samples.tobytes()


def _header(station: Station, segment: Segment, samples: np.ndarray) -> bytes:
    return (
        struct.pack(f"<{_FLOATS}f", *_placed(_FLOATS, _floats(station, segment, samples)))
        + struct.pack(f"<{_INTEGERS}i", *_placed(_INTEGERS, _integers(segment)))
        + _texts(station, segment)
    )


def _floats(station: Station, segment: Segment, samples: np.ndarray) -> dict[int, float]:
    begin = segment.start_ns % 1_000_000 / NS  # the header's own time has whole milliseconds
    found = {
        0: 1 / segment.sample_rate_hz,  # DELTA
        1: float(samples.min()),
        2: float(samples.max()),
        5: begin,
        6: begin + (segment.samples.size - 1) / segment.sample_rate_hz,
        56: float(samples.mean(dtype=np.float64)),
    }
    where = station.location
    if where is not None:
        found |= {31: where.latitude, 32: where.longitude}
        found |= {} if where.elevation_m is None else {33: where.elevation_m}
    orientation = segment.channel[2:]
    if orientation == _VERTICAL:
        found |= {57: 0.0, 58: 0.0}  # CMPAZ, CMPINC: degrees from north, and from up
    elif orientation in _AZIMUTHS:
        found |= {57: _AZIMUTHS[orientation], 58: 90.0}
    return found


def _integers(segment: Segment) -> dict[int, int]:
    start = datetime.fromtimestamp(segment.start_ns // NS, UTC)
    return {
        0: start.year,
        1: start.timetuple().tm_yday,
        2: start.hour,
        3: start.minute,
        4: start.second,
        5: segment.start_ns % NS // 1_000_000,
        6: _VERSION,
        9: segment.samples.size,
        15: _TIME_SERIES,
        16: _UNKNOWN_UNIT,
        17: _BEGINS,
        35: 1,  # LEVEN: evenly sampled
        36: 0,  # LPSPOL: no statement of polarity
        37: 1,  # LOVROK: may be overwritten
        38: 1,  # LCALDA: distances are computed from coordinates
        39: 0,
    }


def _texts(station: Station, segment: Segment) -> bytes:
    """KSTNM, KEVNM (two places), KHOLE, then up to KCMPNM and KNETWK undefined ones."""
    texts = [_UNDEFINED_TEXT.ljust(8)] * 24
    texts[0] = station.station[:8].ljust(8)
    texts[2] = " " * 8  # KEVNM's second half
    texts[3] = (segment.location_code or _UNDEFINED_TEXT).ljust(8)
    texts[20], texts[21] = segment.channel.ljust(8), (station.network or _UNDEFINED_TEXT).ljust(8)
    return "".join(texts).encode("ascii", "replace")


def _placed(count: int, known: dict[int, float] | dict[int, int]) -> list[float]:
    return [known.get(place, _UNDEFINED) for place in range(count)]
