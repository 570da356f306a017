"""What lists of devices and StationXML say of sensors takes effect on their past; what contradicts samples is told."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from services.sensors import assembly, ingest, tables
from services.sensors.ingest.importer import Imported, Importer
from services.sensors.ingest.recording import ReadResult, UnreadableRecording
from services.sensors.registry import epoch_rows, network_codes
from services.sensors.registry.epoch import OF_SENSOR, Facts, Place, facts_at
from services.sensors.samples import Samples, open_samples
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from shared.values.timestamps import to_nanoseconds
from tests.service_database import migrated

NOW = datetime(2026, 11, 29, tzinfo=UTC)
ORGANISATION = "org_1"
START = 1_518_824_000  # 2018-02-16 23:33:20 UTC
XML = """<?xml version="1.0" encoding="UTF-8"?>
<FDSNStationXML xmlns="http://www.fdsn.org/xml/station/1" schemaVersion="1.1"><Source>test</Source>
<Created>2026-01-01T00:00:00Z</Created><Network code="{network}">
<Station code="{station}" startDate="2017-01-01T00:00:00Z">
<Latitude>17.1</Latitude><Longitude>-96.7</Longitude><Elevation>1555</Elevation><Site><Name>Escuela</Name></Site>
<Channel code="{code}" locationCode="" {alternate} startDate="2017-01-01T00:00:00Z"><Latitude>17.1</Latitude>
<Longitude>-96.7</Longitude><Elevation>1555</Elevation><Depth>0</Depth><Azimuth>0</Azimuth><Dip>-90</Dip>
<SampleRate>{rate}</SampleRate><Response><InstrumentSensitivity><Value>1000</Value><Frequency>1</Frequency>
<InputUnits><Name>M/S**2</Name></InputUnits><OutputUnits><Name>COUNTS</Name></OutputUnits></InstrumentSensitivity>
</Response></Channel></Station></Network></FDSNStationXML>"""


@dataclass
class Scene:
    database: Database
    importer: Importer
    samples: Samples
    folder: Path

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def recordings(self, device_id: str = "000", seconds: int = 10) -> Path:
        lines = [
            json.dumps(
                {
                    "device_id": device_id,
                    "device_t": START + 32 / 31.25 * second,
                    "cloud_t": START + 32 / 31.25 * second + 0.5,
                    "sr": 31.25,
                    **{axis: [float(second)] * 32 for axis in "xyz"},
                }
            )
            for second in range(1, seconds + 1)
        ]
        return self.write("recordings.jsonl", "\n".join(lines))

    def take(self, path: Path) -> Imported:
        read: ReadResult = ingest.read(path, now=NOW)
        done = self.importer.store(read, ORGANISATION, Origin(actor="test"))
        self.importer.decide(done.sensor_ids)
        return done

    def facts(self, axis: str = OF_SENSOR, at: int = START) -> Facts:
        with self.database.reading() as tx:
            (sensor_id,) = tx.execute(select(tables.sensor.c.id)).scalars()
            return facts_at(epoch_rows.of_sensor(tx, sensor_id).get(axis, ()), at * 10**9)

    def channels(self) -> dict[str, str]:
        with self.database.reading() as tx:
            return {row.axis: row.code for row in tx.execute(select(tables.channel))}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    database, clock = Database.sqlite(tmp_path / "sensors.sqlite3"), SystemClock()
    migrated(database, assembly.MIGRATIONS)
    samples = open_samples(database, tmp_path / "samples", clock)
    importer = Importer(database, SqlEventStore(database, tables.metadata), samples.store, clock)
    yield Scene(database, importer, samples, tmp_path)
    database.close()


def device(from_: str, latitude: float, vertical: str) -> str:
    period = {"device_id": "000", "latitude": latitude, "longitude": -99.0, "effective_from": from_}
    return json.dumps(period | {"vertical_axis": vertical, "firmware_version": 1.0})


def test_a_list_of_devices_says_where_each_stood_when_and_which_axis_was_the_vertical(scene: Scene) -> None:
    scene.take(scene.recordings())
    assert scene.channels() == {"x": "BNZ", "y": "BN1", "z": "BN2"}
    assert scene.facts().serial_number == "000"
    listed = "\n".join([device("2017-01-01T00:00:00", 19.0, "z"), device("2020-01-01T00:00:00", 16.0, "x")])
    path = scene.write("devices.jsonl", listed)
    assert scene.take(path).epochs == 8
    assert scene.take(path).epochs == 0, "again, it says nothing new"

    assert scene.facts().place == Place(latitude=19.0, longitude=-99.0)
    moved = to_nanoseconds(datetime(2021, 1, 1, tzinfo=UTC)) // 10**9
    assert scene.facts(at=moved).place == Place(latitude=16.0, longitude=-99.0)
    assert scene.channels() == {"x": "BN1", "y": "BN2", "z": "BNZ"}
    with scene.database.reading() as tx:
        row = tx.execute(select(tables.sensor)).one()
    assert (row.latitude, row.firmware_version, row.serial_number) == (16.0, "1.0", "000")


def test_station_xml_states_place_orientation_and_response_of_a_sensor_that_is_there(scene: Scene) -> None:
    text = XML.format(network="XX", station="000", code="BNZ", alternate="", rate=31.25)
    early = scene.take(scene.write("early.xml", text))
    assert (early.epochs, len(early.warnings)) == (0, 1), "no sensor is made of a description alone"
    scene.take(scene.recordings())
    assert scene.take(scene.write("000.xml", text)).warnings == ()
    assert scene.facts().place == Place(latitude=17.1, longitude=-96.7, elevation_m=1555.0, site_name="Escuela")
    vertical = scene.facts("x")
    assert (vertical.orientation and vertical.orientation.dip, vertical.response and vertical.response.sensitivity) == (
        -90,
        1000,
    )


def test_station_xml_names_the_channel_of_a_device_s_axis(scene: Scene) -> None:
    scene.take(scene.recordings())
    text = XML.format(network="XX", station="000", code="BNZ", alternate='alternateCode="y"', rate=31.25)
    scene.take(scene.write("000.xml", text))
    assert scene.channels()["y"] == "BNZ"


_SENSOR = "<Sensor><Type>MEMS</Type><Model>Grillo Pulse</Model><SerialNumber>P-7</SerialNumber></Sensor><Response>"
_EQUIPMENT = "</Site><Equipment><Description>grillo-one, 2nd batch</Description></Equipment>"


@pytest.mark.parametrize(
    ("place", "told", "expected"),
    [
        ("</Site>", _EQUIPMENT, ("grillo-one", "000")),
        ("<Response>", _SENSOR, ("grillo-pulse", "P-7")),
        ("<Response>", _SENSOR.replace("Grillo Pulse", "Episensor"), (None, "P-7")),
    ],
)
def test_station_xml_says_which_of_the_product_s_devices_a_sensor_is(
    scene: Scene, place: str, told: str, expected: tuple[str | None, str]
) -> None:
    scene.take(scene.recordings())
    text = XML.format(network="XX", station="000", code="BNZ", alternate="", rate=31.25).replace(place, told)
    assert scene.take(scene.write("000.xml", text)).warnings == ()
    with scene.database.reading() as tx:
        row = tx.execute(select(tables.sensor)).one()
    assert (row.device_type, row.serial_number) == expected


def test_so_does_a_list_of_devices(scene: Scene) -> None:
    scene.take(scene.recordings())
    scene.take(scene.write("devices.json", json.dumps([{"device_id": "000", "model": "Grillo One"}])))
    assert scene.facts().device_type == "grillo-one"


def test_what_contradicts_samples_is_told_and_not_believed(scene: Scene) -> None:
    scene.take(scene.recordings())
    text = XML.format(network="XX", station="000", code="BNZ", alternate='alternateCode="x"', rate=100)
    (remark,) = scene.take(scene.write("000.xml", text)).warnings
    assert "100 Hz, but its samples of that time have 31.25 Hz" in remark
    assert scene.facts("x") == Facts()
    assert scene.facts().place is not None, "the rest of it is believed"
    (remark,) = scene.take(scene.write("001.xml", text.replace('alternateCode="x"', "").replace("BNZ", "LOG"))).warnings
    assert "no channel of the sensor is .LOG" in remark


_STAGES = """<Stage number="1"><PolesZeros><InputUnits><Name>M/S**2</Name></InputUnits><OutputUnits><Name>V</Name>
</OutputUnits><PzTransferFunctionType>LAPLACE (RADIANS/SECOND)</PzTransferFunctionType>
<NormalizationFactor>1</NormalizationFactor><NormalizationFrequency>1</NormalizationFrequency></PolesZeros>
<StageGain><Value>{analogue}</Value><Frequency>1</Frequency></StageGain></Stage>
<Stage number="2"><StageGain><Value>500</Value><Frequency>{at}</Frequency></StageGain></Stage></Response>"""
_UNSTATED = XML[XML.index("<InstrumentSensitivity>") : XML.index("</Response>")]
_LEFT_OUT = "of each response the sensitivity is kept; its stages are left out"


@pytest.mark.parametrize(
    ("response", "sensitivity", "remark"),
    [
        ((("</Response>", _STAGES.format(analogue=2, at=0)),), 1000, _LEFT_OUT),
        ((("</Response>", _STAGES.format(analogue=3, at=50)),), 1000, _LEFT_OUT),  # not comparable
        (
            (("</Response>", _STAGES.format(analogue=3, at=1)),),
            None,
            "is said to be 1000, but the gains",
        ),
        (((_UNSTATED, ""), ("</Response>", _STAGES.format(analogue=2, at=1))), None, "no sensitivity with a unit"),
        ((("<Value>1000</Value>", "<Value>0</Value>"),), None, "no sensitivity with a unit"),
    ],
)
def test_of_a_response_the_sensitivity_is_kept_unless_its_stages_contradict_it_and_what_is_left_out_is_told(
    scene: Scene, response: tuple[tuple[str, str], ...], sensitivity: float | None, remark: str
) -> None:
    scene.take(scene.recordings())
    text = XML.format(network="XX", station="000", code="BNZ", alternate="", rate=31.25)
    for old, new in response:
        assert old in text
        text = text.replace(old, new)
    (told,) = scene.take(scene.write("000.xml", text)).warnings
    assert remark in told
    kept = scene.facts("x")
    assert (kept.response and kept.response.sensitivity, kept.orientation and kept.orientation.dip) == (
        sensitivity,
        -90,
    )


@pytest.mark.parametrize("spoilt", ["<!DOCTYPE a []>", "<Network>", "<Station>"])
def test_station_xml_that_cannot_be_used_is_refused_in_words(scene: Scene, spoilt: str) -> None:
    path = scene.write("bad.xml", XML.replace("<Source>", f"{spoilt}<Source>"))
    with pytest.raises(UnreadableRecording):
        scene.take(path)


def test_an_organisation_s_network_code_is_that_of_its_new_stations(scene: Scene) -> None:
    with scene.database.transaction() as tx:
        network_codes.set_code(tx, ORGANISATION, "GR")
    scene.take(scene.recordings())
    with scene.database.reading() as tx:
        assert tx.execute(select(tables.sensor.c.network)).scalars().all() == ["GR"]
    text = XML.format(network="GR", station="000", code="BNZ", alternate="", rate=31.25)
    assert scene.take(scene.write("000.xml", text)).epochs == 2
    scene.take(scene.recordings())
    with scene.database.transaction() as tx:
        network_codes.set_code(tx, ORGANISATION, None)
    scene.take(scene.recordings(seconds=12))
    with scene.database.reading() as tx:
        assert len(tx.execute(select(tables.sensor)).all()) == 1, "the sensor stays itself"
