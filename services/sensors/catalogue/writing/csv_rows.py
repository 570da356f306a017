"""CSV of seismic events (RFC 4180), with the columns that the product promises. No cell can be read as a formula."""

import csv
import io
from collections.abc import Iterable, Iterator

from services.sensors.catalogue.queries import SeismicEventView
from shared.values.timestamps import rfc3339

CONTENT_TYPE = "text/csv; charset=utf-8"
COLUMNS = ("event_id", "time", "latitude", "longitude", "depth_km", "magnitude", "magnitude_type")
_PIECE_CHARACTERS = 16 * 1024


def as_csv(events: Iterable[SeismicEventView]) -> Iterator[bytes]:
    """Header first; what is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for event in events:
        told = event.solution
        place = (told.latitude, told.longitude, told.depth_km)
        writer.writerow((event.id, rfc3339(told.origin_time), *place, told.magnitude, told.magnitude_type))
        if text.tell() >= _PIECE_CHARACTERS:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()
