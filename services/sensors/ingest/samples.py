"""Sample recordings to try the system with: small files that ship with ObsPy, so nothing is downloaded.

Coordinates are given where ObsPy ships them too, and are None elsewhere.
"""

from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

from services.sensors.ingest import obspy_formats
from services.sensors.ingest.recording import ReadResult
from shared.values.timestamps import to_nanoseconds

# Waveforms, and the station metadata shipped with them.
_FILES = (
    # Four stations at Unterhaching, Bavaria, 2010-05-27: nearly four minutes with small local earthquakes.
    ("signal/tests/data/BW.UH1._.SHZ.D.2010.147.cut.slist.gz", None),
    ("signal/tests/data/BW.UH2._.SHZ.D.2010.147.cut.slist.gz", None),
    ("signal/tests/data/BW.UH3._.SHE.D.2010.147.cut.slist.gz", None),
    ("signal/tests/data/BW.UH3._.SHN.D.2010.147.cut.slist.gz", None),
    ("signal/tests/data/BW.UH3._.SHZ.D.2010.147.cut.slist.gz", None),
    ("signal/tests/data/BW.UH4._.EHZ.D.2010.147.cut.slist.gz", None),
    # Albuquerque, ten minutes around the origin of the Maule earthquake (M 8.8), 2010-02-27.
    ("clients/fdsn/tests/data/dataselect_example.mseed", "core/tests/data/IU_ANMO_00_BHZ.xml"),
    # Ulaanbaatar, three hours at 1 Hz, 2015-07-18.
    ("core/tests/data/IU_ULN_00_LH1_2015-07-18T02.mseed", "core/tests/data/IU_ULN_00_LH1.xml"),
    # Canterbury, New Zealand, 2009-09-04: floats; the SAC header has the coordinates.
    ("signal/tests/data/CRLZ.HHZ.10.NZ.SAC", None),
)


class SamplesMissing(Exception):
    """ObsPy is not installed, or was packaged without its test files. `missing`: what was not found."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(
            f"sample recordings are missing: {', '.join(missing)}. Install ObsPy from PyPI, or import your own files."
        )
        self.missing = missing


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFile:
    path: Path
    inventory: Path | None


def sample_files() -> tuple[SampleFile, ...]:
    """In the order to import them. Raises SamplesMissing, naming what this ObsPy does not ship."""
    spec = find_spec("obspy")
    if spec is None or spec.origin is None:
        raise SamplesMissing(("obspy",))
    root = Path(spec.origin).parent
    names = [name for pair in _FILES for name in pair if name is not None]
    missing = tuple(name for name in names if not (root / name).is_file())
    if missing:
        raise SamplesMissing(missing)
    return tuple(
        SampleFile(path=root / waveform, inventory=root / metadata if metadata else None)
        for waveform, metadata in _FILES
    )


def read_sample(sample: SampleFile, *, now: datetime) -> ReadResult:
    """Reads a sample file, with the coordinates that ObsPy ships. Several files may hold channels of one station."""
    now_ns = to_nanoseconds(now)
    if sample.inventory is None:
        return obspy_formats.read(sample.path, now_ns=now_ns)
    from obspy import read_inventory  # here, for it takes a second

    return obspy_formats.read(sample.path, now_ns=now_ns, inventory=read_inventory(str(sample.inventory)))
