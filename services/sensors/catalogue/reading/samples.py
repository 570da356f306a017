"""Sample catalogue to try the system with: the example that ships with ObsPy, so nothing is downloaded."""

from importlib.util import find_spec
from pathlib import Path

from services.sensors.ingest.samples import SamplesMissing

# Three earthquakes of 4 April 2012 as the EMSC told them: what obspy.read_events() gives without a name.
_FILE = "io/quakeml/tests/data/neries_events.xml"


def sample_catalogue() -> Path:
    """Raises SamplesMissing where this ObsPy does not ship it."""
    spec = find_spec("obspy")
    if spec is None or spec.origin is None:
        raise SamplesMissing(("obspy",))
    path = Path(spec.origin).parent / _FILE
    if not path.is_file():
        raise SamplesMissing((_FILE,))
    return path
