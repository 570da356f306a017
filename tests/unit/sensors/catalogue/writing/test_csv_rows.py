"""CSV has the product's columns, and empty cells for what is not known."""

import csv
import io
from datetime import UTC, datetime

from services.sensors.catalogue.solution import Solution
from services.sensors.catalogue.writing.csv_rows import as_csv
from tests.unit.sensors.catalogue.writing.views import view

AT = datetime(2018, 2, 16, 23, 39, 39, tzinfo=UTC)


def test_rows_have_the_columns_that_the_product_promises() -> None:
    known = view(
        Solution(origin_time=AT, latitude=16.218, longitude=-98.013, depth_km=12.0, magnitude=7.2, magnitude_type="Mw")
    )
    least = view(Solution(origin_time=AT, latitude=0.0, longitude=0.0))
    text = b"".join(as_csv([known, least])).decode()
    assert text.splitlines()[0] == "event_id,time,latitude,longitude,depth_km,magnitude,magnitude_type"
    first, second = csv.DictReader(io.StringIO(text))
    assert first == {
        "event_id": known.id,
        "time": "2018-02-16T23:39:39.000000Z",
        "latitude": "16.218",
        "longitude": "-98.013",
        "depth_km": "12.0",
        "magnitude": "7.2",
        "magnitude_type": "Mw",
    }
    assert (second["depth_km"], second["magnitude"], second["magnitude_type"]) == ("", "", "")
