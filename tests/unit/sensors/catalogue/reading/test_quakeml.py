"""QuakeML is read as its source means it; what is broken costs one event, and what is hostile the file."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.sensors.catalogue.reading import ReadCatalogue, found, quakeml, read
from services.sensors.catalogue.reading.samples import sample_catalogue
from services.sensors.catalogue.solution import Solution, StationArrivals, Status
from services.sensors.ingest.recording import UnreadableRecording

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BED = "http://quakeml.org/xmlns/bed/1.2"
ORIGIN = (
    '<origin publicID="smi:org.example/o/1"><time><value>2024-02-29T01:02:03.5</value></time>'
    "<latitude><value>16.2</value></latitude><longitude><value>-98.0</value></longitude>{}</origin>"
)


def document(*events: str, head: str = "", attributes: str = "") -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<q:quakeml xmlns:q="http://quakeml.org/xmlns/quakeml/1.2"'
        f' xmlns="{BED}"{attributes}><eventParameters publicID="smi:org.example/all">{"".join(events)}'
        "</eventParameters></q:quakeml>"
    )


def event(inside: str, public_id: str = "smi:org.example/event/1") -> str:
    return f'<event publicID="{public_id}">{inside}</event>'


def reading(tmp_path: Path, text: str | bytes) -> ReadCatalogue:
    file = tmp_path / "catalogue.xml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(file, now=NOW)


def solution_of(tmp_path: Path, inside: str) -> Solution:
    catalogue = reading(tmp_path, document(event(inside)))
    assert catalogue.rejected == ()
    (only,) = catalogue.events
    assert only.solution is not None
    return only.solution


def test_the_example_of_obspy_is_read_with_its_magnitudes_and_places() -> None:
    catalogue = read(sample_catalogue(), now=NOW)
    assert catalogue.rejected == ()
    first = catalogue.events[0]
    assert (first.source, first.public_id) == ("eu.emsc", "quakeml:eu.emsc/event/20120404_0000041")
    assert first.said_at == datetime(2012, 4, 4, 16, 40, 50, tzinfo=UTC)
    assert first.solution == Solution(
        origin_time=datetime(2012, 4, 4, 14, 21, 42, 300_000, tzinfo=UTC),
        latitude=41.818,
        longitude=79.689,
        depth_km=1.0,
        magnitude=4.4,
        magnitude_type="mb",
        location_description="KYRGYZSTAN",
        status=Status.REVIEWED,
        stations_used=16,
        azimuthal_gap=231.0,
    )
    assert [each.solution and each.solution.magnitude for each in catalogue.events] == [4.4, 4.3, 3.0]


def test_what_obspy_ships_of_other_agencies_is_read_also_packed(tmp_path: Path) -> None:
    file = sample_catalogue().parent / "iris_events.xml"
    catalogue = read(file, now=NOW)
    assert (len(catalogue.events), catalogue.rejected) == (2, ())
    packed = tmp_path / "packed.xml.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert read(packed, now=NOW) == catalogue


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("invalid_enum", ["depthType: 'randomized' is no word of QuakeML"]),
        ("usgs_event", ["type: 'quarry_blast' is no word of QuakeML", "type: 'quarry' is no word of QuakeML"]),
        ("quakeml_1.2_pick", ["origin: there is none"]),
    ],
)
def test_what_obspy_ships_that_is_not_as_the_standard_says_is_rejected_by_event(name: str, reasons: list[str]) -> None:
    catalogue = read(sample_catalogue().parent / f"{name}.xml", now=NOW)
    assert (catalogue.events, [one.reason for one in catalogue.rejected]) == ((), reasons)


def test_the_preferred_origin_and_magnitude_are_taken_and_a_time_without_offset_is_utc(tmp_path: Path) -> None:
    other = ORIGIN.format("").replace("o/1", "o/2").replace("16.2", "17.5")
    sizes = "".join(
        f'<magnitude publicID="smi:org.example/m/{size}"><mag><value>{size}</value></mag>'
        f"<type>{type_}</type></magnitude>"
        for size, type_ in ((6.9, "mb"), (7.2, "Mw"))
    )
    preferred = (
        "<preferredOriginID>smi:org.example/o/2</preferredOriginID>"
        "<preferredMagnitudeID>smi:org.example/m/7.2</preferredMagnitudeID>"
    )
    told = solution_of(tmp_path, ORIGIN.format("") + other + sizes + preferred)
    assert (told.latitude, told.magnitude, told.magnitude_type) == (17.5, 7.2, "Mw")
    assert told.origin_time == datetime(2024, 2, 29, 1, 2, 3, 500_000, tzinfo=UTC)


def test_arrivals_are_told_by_station_the_nearest_first(tmp_path: Path) -> None:
    picks, arrivals = "", ""
    waves = (("AAA", "Pn", 1, 2.0), ("AAA", "PP", 9, 2.0), ("AAA", "Sg", 5, 2.0), ("BBB", "p", 2, 1.0))
    for number, (station, phase, second, degrees) in enumerate(waves):
        picks += (
            f'<pick publicID="smi:org.example/p/{number}"><time><value>2024-02-29T01:03:0{second}Z</value></time>'
            f'<waveformID networkCode="MX" stationCode="{station}"/></pick>'
        )
        arrivals += (
            f'<arrival publicID="smi:org.example/a/{number}"><pickID>smi:org.example/p/{number}</pickID>'
            f"<phase>{phase}</phase><distance>{degrees}</distance></arrival>"
        )
    told = solution_of(tmp_path, picks + ORIGIN.format(arrivals))
    at = {second: datetime(2024, 2, 29, 1, 3, second, tzinfo=UTC) for second in (1, 2, 5)}
    assert told.stations == (
        StationArrivals(station_code="BBB", network_code="MX", distance_km=111.195, p_arrival=at[2]),
        StationArrivals(station_code="AAA", network_code="MX", distance_km=222.39, p_arrival=at[1], s_arrival=at[5]),
    )


@pytest.mark.parametrize(
    ("inside", "status"),
    [
        ("", None),
        ("<evaluationMode>automatic</evaluationMode>", Status.AUTOMATIC),
        ("<evaluationStatus>preliminary</evaluationStatus>", Status.AUTOMATIC),
        ("<evaluationMode>manual</evaluationMode>", Status.REVIEWED),
        ("<evaluationMode>automatic</evaluationMode><evaluationStatus>final</evaluationStatus>", Status.REVIEWED),
    ],
)
def test_whether_a_person_looked_at_it_is_told_by_mode_and_status(
    tmp_path: Path, inside: str, status: Status | None
) -> None:
    assert solution_of(tmp_path, ORIGIN.format(inside)).status == status


@pytest.mark.parametrize(
    "inside",
    [
        ORIGIN.format("<evaluationStatus>rejected</evaluationStatus>"),
        ORIGIN.format("") + "<type>not existing</type>",
        "<type>not existing</type>",
    ],
)
def test_what_did_not_happen_by_its_source_s_own_word_has_no_solution(tmp_path: Path, inside: str) -> None:
    (only,) = reading(tmp_path, document(event(inside))).events
    assert only.solution is None


@pytest.mark.parametrize("nothing", ["null", "", " "])
def test_a_description_that_says_nothing_gives_way_to_one_that_does(tmp_path: Path, nothing: str) -> None:
    described = "<description><text>{}</text><type>region name</type></description>"
    silent = ORIGIN.format("") + described.format(nothing)
    assert solution_of(tmp_path, silent).location_description is None
    assert solution_of(tmp_path, silent + described.format("Oaxaca")).location_description == "Oaxaca"


MAGNITUDE = '<magnitude publicID="smi:org.example/m/1"><mag><value>{}</value></mag>{}</magnitude>'
BROKEN = [
    ("", "origin: there is none"),
    (ORIGIN.format("").replace("16.2", "91"), "latitude: must be a number from -90 to 90"),
    (ORIGIN.format("").replace("16.2", "nan"), "latitude: must be a number"),
    (ORIGIN.format("").replace("16.2", "1_6"), "latitude: must be a number"),
    (ORIGIN.format("").replace("<value>16.2</value>", ""), "latitude: not given"),
    (ORIGIN.format("").replace("-98.0", "INF"), "longitude: must be a number"),
    (ORIGIN.format("").replace("2024-02-29", "2023-02-29"), "time: must be a time"),
    (ORIGIN.format("").replace("2024-02", "2027-02"), "time: "),
    (ORIGIN.format("").replace("2024", "2044"), "time: is in the future"),
    (ORIGIN.format("<evaluationMode>magical</evaluationMode>"), "evaluationMode: 'magical' is no word of QuakeML"),
    (ORIGIN.format("") + "<type>alien landing</type>", "type: 'alien landing' is no word"),
    (ORIGIN.format("") + "<description><type>rumour</type><text>x</text></description>", "type: 'rumour'"),
    (ORIGIN.format("") + MAGNITUDE.format("99", ""), "mag: must be a number from -5 to 12"),
    (ORIGIN.format("") + MAGNITUDE.format("5", "<type>=1+1</type>"), "magnitude type: "),
    (ORIGIN.format("") + "<description><text>a&#x202e;b</text></description>", "description: "),
    (ORIGIN.format("<depth><value>1e99</value></depth>"), "depth: must be a number"),
]


@pytest.mark.parametrize(("inside", "reason"), BROKEN, ids=[reason for _, reason in BROKEN])
def test_an_event_that_is_broken_is_rejected_with_why_and_the_others_are_read(
    tmp_path: Path, inside: str, reason: str
) -> None:
    good = event(ORIGIN.format(""), "smi:org.example/event/2")
    catalogue = reading(tmp_path, document(event(inside), good))
    (rejected,) = catalogue.rejected
    assert rejected.place == "smi:org.example/event/1"
    assert rejected.reason.startswith(reason)
    assert [each.public_id for each in catalogue.events] == ["smi:org.example/event/2"]


@pytest.mark.parametrize(
    "public_id",
    ["", "42", "smi:x/1", "http://example.org/1", f"smi:org.example/{'1' * 300}", "smi:org.example/&#x9b;2J"],
)
def test_an_event_without_an_identifier_of_quakeml_s_is_rejected_and_named_by_its_place(
    tmp_path: Path, public_id: str
) -> None:
    (rejected,) = reading(tmp_path, document(event(ORIGIN.format(""), public_id))).rejected
    assert rejected.place == "event 1"
    assert rejected.reason.startswith("publicID: must be a QuakeML identifier")
    assert rejected.reason.isprintable()


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE = {
    "an entity": document(event("&e;"), head='<!DOCTYPE q [<!ENTITY e "x">]>'),
    "a file": document(event("&e;"), head='<!DOCTYPE q [<!ENTITY e SYSTEM "file:///etc/passwd">]>'),
    "an address": document(head='<!DOCTYPE q SYSTEM "http://127.0.0.1:1/evil.dtd">'),
    "many laughs": document(event("&l9;"), head=f'<!DOCTYPE q [<!ENTITY l0 "ha">{LAUGHS}]>'),
    "laughs in the root": document(head=f'<!DOCTYPE q [<!ENTITY l0 "ha">{LAUGHS}]>', attributes=' x="&l9;"'),
    "a parameter": document(head='<!DOCTYPE q [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>'),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_document_type_is_refused_whatever_it_declares(tmp_path: Path, text: str, encoding: str) -> None:
    with pytest.raises(UnreadableRecording, match=r"declares a document type|no well-formed XML"):
        reading(tmp_path, text.replace("UTF-8", encoding).encode(encoding))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (document(event(ORIGIN.format("")))[:-20], "no well-formed XML"),
        ("<html></html>", "root element is not QuakeML's"),
        ("<quakeml xmlns='http://example.org/'/>", "root element is not QuakeML's"),
        ("<quakeml xmlns='http://quakeml.org/xmlns/bed/1.2'>" + "<a>" * 1000, "no well-formed XML"),
        ("<", "no well-formed XML"),
    ],
    ids=["cut short", "a page", "another namespace", "nested", "nothing"],
)
def test_a_file_that_is_no_quakeml_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UnreadableRecording, match=reason):
        reading(tmp_path, text)


def test_a_file_that_is_too_large_is_refused_also_when_it_is_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found, "CONTENT_BYTES_MAX", 2**20)
    large = document(event(ORIGIN.format("")), " " * 2**20)
    for content in (large.encode(), gzip.compress(large.encode())):
        with pytest.raises(UnreadableRecording, match="larger than 1 MiB"):
            reading(tmp_path, content)


def test_an_event_with_too_many_elements_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quakeml, "_ELEMENTS_MAX", 100)
    many = document(*(event(ORIGIN.format(""), f"smi:org.example/event/{number}") for number in range(50)))
    assert len(reading(tmp_path, many).events) == 50
    with pytest.raises(UnreadableRecording, match="too large"):
        reading(tmp_path, document(event("<comment/>" * 101)))
