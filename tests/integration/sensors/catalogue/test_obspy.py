"""ObsPy reads the QuakeML that is exported as it is meant."""

from io import BytesIO

from obspy import UTCDateTime, read_events

from services.sensors.catalogue.queries import SeismicEventView
from services.sensors.catalogue.reading import read
from services.sensors.catalogue.reading.samples import sample_catalogue
from services.sensors.catalogue.writing.quakeml import as_quakeml
from tests.examples import NOON


def test_obspy_reads_what_is_written() -> None:
    (first, *_) = read(sample_catalogue(), now=NOON).events
    assert first.solution is not None
    exported = SeismicEventView(
        id="evt_1",
        network_id=None,
        source=first.source,
        public_id=first.public_id,
        solution=first.solution,
        said_at=first.said_at,
        revision=1,
        created_at=NOON,
    )
    (event,) = read_events(BytesIO(b"".join(as_quakeml([exported]))))
    origin, magnitude = event.preferred_origin(), event.preferred_magnitude()
    assert event.resource_id == first.public_id
    assert (origin.time, origin.depth) == (UTCDateTime(first.solution.origin_time), 1000.0)
    assert (origin.latitude, origin.longitude) == (first.solution.latitude, first.solution.longitude)
    assert (magnitude.mag, magnitude.magnitude_type, magnitude.origin_id) == (4.4, "mb", origin.resource_id)
    assert (origin.quality.used_station_count, origin.evaluation_mode) == (16, "manual")
