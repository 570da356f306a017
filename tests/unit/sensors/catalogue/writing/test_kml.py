"""KML is what the OGC's schema takes, with longitude first."""

from datetime import UTC, datetime

from fastkml.validator import get_schema_parser
from hypothesis import given
from lxml import etree

from services.sensors.catalogue.queries import SeismicEventView
from services.sensors.catalogue.solution import Solution
from services.sensors.catalogue.writing.kml import as_kml
from tests.unit.sensors.catalogue.writing.views import view, views

KML = "{http://www.opengis.net/kml/2.2}"
SCHEMA = get_schema_parser()


def test_an_event_is_a_placemark_at_its_epicentre_with_its_time() -> None:
    event = view(
        Solution(
            origin_time=datetime(2018, 2, 16, 23, 39, 39, tzinfo=UTC),
            latitude=16.218,
            longitude=-98.013,
            magnitude=7.2,
            magnitude_type="Mw",
            location_description="OAXACA <MEXICO>",
        )
    )
    (placemark,) = etree.fromstring(b"".join(as_kml([event]))).iter(f"{KML}Placemark")
    assert placemark.findtext(f"{KML}name") == "Mw 7.2 OAXACA <MEXICO>"
    assert placemark.findtext(f"{KML}TimeStamp/{KML}when") == "2018-02-16T23:39:39.000000Z"
    assert placemark.findtext(f"{KML}Point/{KML}coordinates") == "-98.013,16.218"


@given(views())
def test_any_event_is_valid(event: SeismicEventView) -> None:
    SCHEMA.assertValid(etree.fromstring(b"".join(as_kml([event]))))


def test_no_event_at_all_is_a_document_too() -> None:
    SCHEMA.assertValid(etree.fromstring(b"".join(as_kml([]))))
