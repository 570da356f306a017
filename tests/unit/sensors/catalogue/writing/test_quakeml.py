"""What is written as QuakeML is valid by its schema, and read again it is the same: import ∘ export changes nothing."""

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from lxml import etree

from services.sensors.catalogue.queries import SeismicEventView
from services.sensors.catalogue.reading import FoundEvent, ReadCatalogue, read
from services.sensors.catalogue.reading.samples import sample_catalogue
from services.sensors.catalogue.writing.quakeml import as_quakeml
from tests.unit.sensors.catalogue.writing.views import view, views

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def schemas() -> tuple[etree.XMLSchema, etree.RelaxNG]:
    spec = find_spec("obspy")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "io/quakeml/data"
    return etree.XMLSchema(file=folder / "QuakeML-1.2.xsd"), etree.RelaxNG(file=folder / "QuakeML-1.2.rng")


_SCHEMAS = schemas()


def read_again(document: bytes) -> ReadCatalogue:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "again.xml"
        file.write_bytes(document)
        return read(file, now=NOW)


@given(views())
def test_an_event_that_is_written_and_read_is_the_same(event: SeismicEventView) -> None:
    document = b"".join(as_quakeml([event]))
    expected = FoundEvent(
        source=event.source, public_id=event.public_id, solution=event.solution, said_at=event.said_at
    )
    assert read_again(document) == ReadCatalogue(events=(expected,), rejected=())


@given(views())
def test_what_is_written_is_valid(event: SeismicEventView) -> None:
    document = etree.fromstring(b"".join(as_quakeml([event])))
    for schema in _SCHEMAS:
        schema.assertValid(document)


def test_many_events_come_in_pieces_and_none_at_all_is_a_document_too() -> None:
    (first, *_) = read(sample_catalogue(), now=NOW).events
    assert first.solution is not None
    many = [view(first.solution, f"smi:org.example/event/{number}") for number in range(200)]
    pieces = list(as_quakeml(many))
    assert len(pieces) > 2
    assert len(read_again(b"".join(pieces)).events) == 200
    nothing = b"".join(as_quakeml([]))
    assert read_again(nothing).events == ()
    for schema in _SCHEMAS:
        schema.assertValid(etree.fromstring(nothing))
