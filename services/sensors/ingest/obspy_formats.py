"""Reader for every waveform format that ObsPy knows: miniSEED, SAC, GSE2, SLIST and two dozen more.

Samples are the recorder's counts, uncalibrated. Formats that run code (pickle) or that name other files to read
(CSS, Q) are refused, since recordings come from strangers.
"""

import functools
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.sensors.accounting.identity import Values, spans
from services.sensors.accounting.rejection import RejectedTime, Rejection
from services.sensors.arrival.time_arrival import Timed
from services.sensors.ingest import checked_records
from services.sensors.ingest.openeew_message import AHEAD_SECONDS_MAX
from services.sensors.ingest.recording import (
    CONTENT_BYTES_MAX,
    ReadResult,
    Recording,
    RejectedLine,
    Station,
    UnreadableRecording,
    name_of,
    opened,
)
from services.sensors.store.even_times import NS
from services.sensors.store.miniseed.codec import is_statable

_REFUSED_FORMATS = {"PICKLE", "CSS", "NNSA_KB_CORE", "Q"}
_EARLIEST_NS = -2_208_988_800 * NS  # 1900: archives are old
_RATE_HZ_MAX = 1e6
_SECONDS_MAX = 3.2e9  # a century
_INT32 = np.iinfo(np.int32)
_CODES = tuple(rf"[A-Za-z0-9_-]{{{widths}}}" for widths in ("0,2", "1,5", "0,2", "1,3"))

# ObsPy has no types: its Trace, Stream and Inventory are Any in this module.


class _Rejection(Exception):
    """A trace is left out; the text says why. `time`: of its samples, where it is plausible."""

    def __init__(self, reason: str, kind: Rejection = Rejection.MALFORMED, time: RejectedTime | None = None) -> None:
        super().__init__(reason)
        self.kind, self.time = kind, time


def read(path: Path, *, now_ns: int, inventory: Any = None) -> ReadResult:
    """One recording a station; coordinates from `inventory` (ObsPy's), else from a SAC header, else None.

    A trace with an impossible header, or that ends ahead of now, is rejected alone; masked, NaN and infinite samples
    are gaps. Raises UnreadableRecording when not even samples that are rejected can be counted.
    """
    segments: defaultdict[tuple[str, str], list[Timed]] = defaultdict(list)
    headers: dict[tuple[str, str], Any] = {}
    traces, rejected, remarks = _traces(path)
    lines_read = len(traces) + len(rejected)
    for number, trace in enumerate(traces, start=1):
        try:
            parts, not_numbers, time = _segments(trace, f"{name_of(path)}:{number}", now_ns)
            station = trace.stats.network, trace.stats.station
            segments[station] += parts
            headers.setdefault(station, trace.stats)
            if not_numbers:
                reason = "not a number, or infinite"
                of = _station(trace)
                rejected.append(RejectedLine(line=number, reason=reason, samples=not_numbers, of=of, time=time))
        except _Rejection as rejection:
            rejected.append(
                RejectedLine(
                    line=number,
                    reason=str(rejection),
                    samples=int(trace.stats.npts),
                    kind=rejection.kind,
                    of=_station(trace),
                    time=rejection.time,
                )
            )
    if not headers and not any(one.samples for one in rejected):
        reason = f"none of its {lines_read} traces can be used (the last: {rejected[-1].reason})"
        raise UnreadableRecording(path, reason, "Correct its headers")
    return ReadResult(
        recordings=tuple(_recording(headers[station], segments[station], inventory) for station in sorted(headers)),
        lines_read=lines_read,
        rejected=tuple(rejected),
        warnings=tuple(remarks),
    )


def _traces(path: Path) -> tuple[list[Any], list[RejectedLine], list[str]]:
    """The traces, what of them fails its own check, and what the reader remarked."""
    with _plain(path) as plain, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        name, reader = _format(path, plain)
        try:
            if name == "MSEED":
                traces, rejected = checked_records.read(plain, reader, caught)
            else:
                traces, rejected = list(reader(str(plain))), []
        except Exception as error:  # each format's reader raises exceptions of its own
            said = " ".join(str(error).replace(str(plain), path.name).split())
            reason = f"it looks like {name}, but cannot be read ({said[:300]})"
            raise UnreadableRecording(path, reason, "Fetch it again") from error
    if not traces and not any(one.samples for one in rejected):
        failed = f" ({rejected[0].reason})" if rejected else ""
        raise UnreadableRecording(path, f"it holds no waveform{failed}", "Fetch it again")
    remarks = [str(one.message) for one in caught if issubclass(one.category, UserWarning)]
    return traces, rejected, list(dict.fromkeys(remarks))


@contextmanager
def _plain(path: Path) -> Iterator[Path]:
    """A copy, unpacked: ObsPy's readers want a name, and would unpack whatever that name suggests."""
    with opened(path) as content, NamedTemporaryFile(prefix="grillo-") as copy:
        while chunk := content.read(2**20):
            copy.write(chunk)
            if copy.tell() > CONTENT_BYTES_MAX:
                reason = f"holds more than {CONTENT_BYTES_MAX // 2**20} MB"
                raise UnreadableRecording(path, reason, "Split it into smaller files")
        copy.flush()
        yield Path(copy.name)


@functools.cache
def _plugin(name: str) -> dict[str, EntryPoint]:
    """The functions of one format, by name. Looking them up reads the metadata of every installed package."""
    return {point.name: point for point in entry_points(group=f"obspy.plugin.waveform.{name}")}


def _format(path: Path, plain: Path) -> tuple[str, Callable[[str], Any]]:
    """ObsPy's name of the format, and its reader."""
    # Imported here, for it takes a second. Its order is that of detection: stricter detectors come first.
    from obspy.core.util.base import ENTRY_POINTS

    for name in ENTRY_POINTS["waveform"]:
        if name in _REFUSED_FORMATS:
            continue
        plugin = _plugin(name)
        try:
            is_format = plugin["isFormat"].load()(str(plain))
        except Exception:  # noqa: S112  a detector that fails on a file does not recognise it
            continue
        if is_format:
            return name, plugin["readFormat"].load()
    reason = "neither OpenEEW JSON lines nor a waveform format that ObsPy knows"
    raise UnreadableRecording(path, reason, "Convert it to miniSEED")


def _segments(trace: Any, source: str, now_ns: int) -> tuple[list[Timed], int, RejectedTime | None]:
    """Its parts without a gap, and how many of its samples are no numbers, and when."""
    stats = trace.stats
    for key in ("network", "station", "location", "channel"):
        stats[key] = stats[key].replace(" ", "")  # older formats pad with blanks, in the middle too
    codes = (stats.network, stats.station, stats.location, stats.channel)
    if not all(re.fullmatch(pattern, code) for pattern, code in zip(_CODES, codes, strict=True)):
        raise _Rejection(f"network.station.location.channel are {'.'.join(codes)!r}, which are not SEED codes")
    if not (0 < stats.sampling_rate <= _RATE_HZ_MAX and is_statable(float(stats.sampling_rate))):
        raise _Rejection(f"its sample rate of {stats.sampling_rate} Hz is not usable")
    axis, rate_hz, start_ns = f"{stats.location}.{stats.channel}", float(stats.sampling_rate), int(stats.starttime.ns)

    def at_ns(place: int) -> int:
        return start_ns + round(place * 1e9 / rate_hz)

    if start_ns < _EARLIEST_NS or stats.npts / rate_hz > _SECONDS_MAX:
        raise _Rejection("it begins before 1900, or lasts longer than a century, which is not plausible")
    if at_ns(int(stats.npts) - 1) > now_ns + AHEAD_SECONDS_MAX * NS:
        raise _Rejection(f"it ends more than {AHEAD_SECONDS_MAX // 60} minutes ahead", Rejection.CLOCK_AHEAD)
    try:
        samples, is_there, is_other = _samples(trace.data)
    except _Rejection as rejection:
        rejection.time = RejectedTime(start_ns=at_ns(0), end_ns=at_ns(int(stats.npts) - 1), axis=axis)
        raise
    if not is_there.any():
        raise _Rejection("it has no samples")
    parts = [
        Timed(
            axis=axis,
            start_ns=at_ns(first),
            rate_hz=rate_hz,
            samples=samples[first:stop],
            source=source,
        )
        for first, stop in spans(is_there)
    ]
    others = np.flatnonzero(is_other)
    if not others.size:
        return parts, 0, None
    return parts, others.size, RejectedTime(start_ns=at_ns(int(others[0])), end_ns=at_ns(int(others[-1])), axis=axis)


def _station(trace: Any) -> Station | None:
    network, station = trace.stats.network, trace.stats.station
    are_codes = re.fullmatch(_CODES[0], network) and re.fullmatch(_CODES[1], station)
    return Station(network=network, station=station) if are_codes else None


def _samples(data: Any) -> tuple[Values, NDArray[np.bool_], NDArray[np.bool_]]:
    """The samples in a type that is stored exactly, with masks of those that are there, and that are no numbers."""
    if data.dtype.kind not in "iuf" or data.dtype.itemsize > 8:
        raise _Rejection(f"samples of type {data.dtype} cannot be stored")
    is_there: NDArray[np.bool_] = ~np.ma.getmaskarray(data)
    values: NDArray[Any] = np.where(is_there, np.ma.getdata(data), 0)
    if values.dtype.kind in "iu":
        if values.min(initial=0) < _INT32.min or values.max(initial=0) > _INT32.max:
            raise _Rejection("its integers do not fit into 32 bits")
        return values.astype(np.int32), is_there, np.zeros_like(is_there)
    is_number = np.isfinite(values)
    kept: Values = values.astype(np.float32 if values.dtype.itemsize <= 4 else np.float64)
    return kept, is_there & is_number, is_there & ~is_number


def _recording(stats: Any, segments: list[Timed], inventory: Any) -> Recording:
    name, latitude, longitude, elevation_m = _place(stats, inventory)
    return Recording(
        network=stats.network,
        station=stats.station,
        name=name,
        latitude=latitude,
        longitude=longitude,
        elevation_m=elevation_m,
        unit="counts",
        segments=tuple(segments),
    )


def _place(stats: Any, inventory: Any) -> tuple[str | None, float | None, float | None, float | None]:
    """Name, latitude, longitude, elevation: of the station's epoch that holds the recording's start."""
    if inventory is not None:
        epochs = inventory.select(network=stats.network, station=stats.station, time=stats.starttime, keep_empty=True)
        for network in epochs:
            for station in network:
                return station.site.name, *map(float, (station.latitude, station.longitude, station.elevation))
    sac = stats.get("sac", {})
    # Through text, for SAC has float32: -43.57641 is what was meant, not -43.57640838623047.
    latitude, longitude, elevation_m = (
        float(str(sac[key])) if key in sac else None for key in ("stla", "stlo", "stel")
    )
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None, None, None, None
    return None, latitude, longitude, elevation_m
