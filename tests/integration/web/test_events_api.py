"""Seismic events over HTTP, in the product's form: the list with its filters, one with its history, exports."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from falcon import testing
from lxml import etree
from sqlalchemy import insert

from services.sensors import assembly, tables
from services.sensors.catalogue.queries import EventFilter
from services.sensors.catalogue.reading import FoundEvent, ReadCatalogue
from services.sensors.catalogue.solution import Solution, StationArrivals, Status
from services.sensors.networks.network import ChangeNetwork, Settings
from services.sensors.registry.visible import Visible
from shared.sql.database import Database
from shared.web.application import NO_PROXIES, application
from tests.examples import ORIGIN
from tests.gate_examples import ORGANISATION
from tests.integration.web.asking import bearer, problem
from tests.integration.web.management import Doorbell
from tests.integration.web.tiny import PUBLIC_URL, Tiny
from tests.service_database import migrated

DAY = datetime(2018, 2, 16, tzinfo=UTC)
OAXACA = Solution(
    origin_time=datetime(2018, 2, 16, 23, 39, 39, tzinfo=UTC),
    latitude=16.218,
    longitude=-98.013,
    depth_km=12.0,
    magnitude=7.2,
    magnitude_type="Mw",
    location_description="OAXACA, MEXICO",
    status=Status.REVIEWED,
    event_type="earthquake",
    depth_uncertainty_km=2.5,
    stations_used=16,
    azimuthal_gap=120.0,
    stations=(StationArrivals(station_code="OXIG", network_code="MX", distance_km=120.5, p_arrival=DAY),),
)
LEAST = Solution(origin_time=DAY + timedelta(days=1), latitude=-17.0, longitude=179.95)
MEMBERS = {
    *("id", "origin_time", "latitude", "longitude", "depth_km", "magnitude", "magnitude_type"),
    *("location_description", "status", "network_id"),
}


@dataclass
class Events:
    sensors: assembly.Sensors
    client: testing.TestClient

    def take(
        self, *solutions: Solution, organisation_id: str = ORGANISATION, network_id: str | None = None, first: int = 0
    ) -> None:
        events = tuple(
            FoundEvent(source="org.example", public_id=f"smi:org.example/{n}", solution=solution, said_at=None)
            for n, solution in enumerate(solutions, start=first)
        )
        read = ReadCatalogue(events=events, rejected=())
        self.sensors.catalogue_importer.store(read, organisation_id, ORIGIN, network_id)

    def ask(self, path: str = "", key: str = "chief", **params: str) -> testing.Result:
        return self.client.simulate_get(f"/v1/events{path}", headers=bearer(key), params=params)

    def listed(self, key: str = "chief", **params: str) -> list[dict[str, Any]]:
        answer = self.ask(key=key, **params)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json["data"]
        return found


NETWORK = {"organisation_id": ORGANISATION, "name": "Coast", "api_access": True, "accepts_new": True, "archived": False}
NETWORK |= {"detection": "{}", "created_at": "2026-11-01T00:00:00.000000Z", "revision": 1}


@pytest.fixture
def events(app: Tiny, tmp_path: Path) -> Iterator[Events]:
    database = migrated(Database.sqlite(tmp_path / "sensors.db"), assembly.MIGRATIONS)
    sensors = assembly.assemble(database, Doorbell(), app.clock, tmp_path / "samples")
    routes = sensors.routes(app.gate.replica, NO_PROXIES)
    served = application("sensors", routes, app.gate, app.clock, public_url=PUBLIC_URL, is_ready=lambda: True)
    yield Events(sensors, testing.TestClient(served))
    database.close()


def test_events_are_listed_newest_first_with_the_product_s_members_and_null_for_what_is_not_known(
    events: Events,
) -> None:
    events.take(OAXACA, LEAST)
    newest, oaxaca = events.listed()
    assert newest.keys() >= MEMBERS
    assert {name for name in MEMBERS if newest[name] is not None} == {"id", "origin_time", "latitude", "longitude"}
    assert oaxaca["id"].startswith("evt_")
    assert (oaxaca["origin_time"], oaxaca["magnitude"], oaxaca["magnitude_type"]) == ("2018-02-16T23:39:39Z", 7.2, "Mw")
    assert (oaxaca["depth_km"], oaxaca["status"], oaxaca["source"]) == (12.0, "reviewed", "org.example")


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({}, 2),
        ({"start": "2018-02-17T00:00:00Z"}, 1),
        ({"end": "2018-02-17T00:00:00Z"}, 1),
        ({"start": "2018-02-17"}, 1),
        ({"start": "2018-02-16T23:39:39", "end": "2018-02-16T23:39:39.5"}, 1),
        ({"end": "1787-03-28"}, 0),
        ({"start": "1918-01-01T00:00:00Z", "end": "2118-01-01T00:00:00Z"}, 2),
        ({"min_magnitude": "7.2"}, 1),
        ({"max_magnitude": "7.1"}, 0),
        ({"min_magnitude": "7.2", "max_magnitude": "7.2"}, 1),
        ({"lat": "16", "lon": "-98", "radius": "50"}, 1),
        ({"lat": "16", "lon": "-98", "radius": "10"}, 0),
        ({"lat": "-17", "lon": "-179.95", "radius": "20"}, 1),
        ({"lat": "90", "lon": "0", "radius": "20038"}, 2),
        ({"network_id": "net_unknown"}, 0),
    ],
    ids=str,
)
def test_filters_are_those_of_the_product(events: Events, params: dict[str, str], count: int) -> None:
    events.take(OAXACA, LEAST)
    answer = events.ask(**params).json
    assert (len(answer["data"]), answer["pagination"]["total"]) == (count, count)
    assert len(events.ask("/export", **params).json["data"]) == count


@pytest.mark.parametrize(
    ("params", "detail"),
    [
        ({"start": "2018-02-17T00:00:00Z", "end": "2018-02-16T00:00:00Z"}, "end: must be later than start"),
        ({"start": "2018-02-17T00:00:00Z", "end": "2018-02-17T00:00:00Z"}, "end: must be later than start"),
        ({"lat": "1"}, "lat: give lat, lon and radius together"),
        ({"lon": "1", "radius": "1"}, "lon: give lat, lon and radius together"),
        ({"lat": "1", "lon": "1", "radius": "0"}, "radius: Must be greater than"),
        ({"lat": "1", "lon": "1", "radius": "-5"}, "radius: Must be greater than"),
        ({"lat": "1", "lon": "1", "radius": "1e30"}, "radius: Must be greater than"),
        ({"lat": "1", "lon": "1", "radius": "nan"}, "radius: Not a valid number."),
        ({"lat": "91", "lon": "1", "radius": "1"}, "lat: Must be greater than"),
        ({"lat": "1", "lon": "inf", "radius": "1"}, "lon: Not a valid number."),
        ({"min_magnitude": "1_0"}, "min_magnitude: Not a valid number."),
        ({"min_magnitude": "5", "max_magnitude": "4"}, "max_magnitude: must not be less than min_magnitude"),
        ({"magnitude": "5"}, "unknown query parameters: magnitude"),
        ({"start": "yesterday"}, "start: must be an RFC 3339 time"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_by_list_and_export_alike(
    events: Events, params: dict[str, str], detail: str
) -> None:
    for path in ("", "/export"):
        assert problem(events.ask(path, **params), 400, "invalid-request")["detail"].startswith(detail)


def test_pages_by_number_and_by_cursor_show_all_of_it_once(events: Events) -> None:
    events.take(*(replace(OAXACA, origin_time=DAY + timedelta(hours=n // 2)) for n in range(7)))
    for near in ({}, {"lat": "16", "lon": "-98", "radius": "500"}):
        by_number = [event["id"] for page in "1234" for event in events.listed(limit="2", page=page, **near)]
        answer = events.ask(limit="2", **near).json
        by_cursor = [event["id"] for event in answer["data"]]
        while cursor := answer["pagination"]["next_cursor"]:
            answer = events.ask(limit="2", cursor=cursor, **near).json
            by_cursor += [event["id"] for event in answer["data"]]
        assert by_number == by_cursor
        assert len(set(by_number)) == 7
        beyond = events.ask(page="9", limit="2", **near).json
        assert (beyond["data"], beyond["pagination"]["pages"]) == ([], 4)
    problem(
        events.ask(limit="2", cursor=events.ask(limit="2").json["pagination"]["next_cursor"], page="2"),
        400,
        "invalid-request",
    )


def test_one_event_tells_how_well_it_is_known_and_what_was_said_before(events: Events) -> None:
    events.take(OAXACA)
    events.take(replace(OAXACA, magnitude=7.1))
    (listed,) = events.listed()
    answer = events.ask(f"/{listed['id']}")
    event = answer.json["data"]
    assert event.items() >= listed.items()
    assert (event["depth_uncertainty_km"], event["horizontal_uncertainty_km"]) == (2.5, None)
    assert event["quality"] == {"stations_used": 16, "azimuthal_gap": 120.0, "rms_residual": None}
    assert event["stations"] == [
        {"station_code": "OXIG", "distance_km": 120.5, "p_arrival": "2018-02-16T00:00:00Z", "s_arrival": None}
    ]
    assert event["public_id"] == "smi:org.example/0"
    assert event["revision"] == 2
    assert [(each["revision"], each["changes"]) for each in event["revisions"]] == [
        (1, {}),
        (2, {"magnitude": {"old": 7.2, "new": 7.1}}),
    ]
    headers = bearer("chief") | {"If-None-Match": answer.headers["ETag"]}
    assert events.client.simulate_get(f"/v1/events/{listed['id']}", headers=headers).status_code == 304


def test_another_organisation_s_event_is_as_unknown_as_one_that_never_was(events: Events) -> None:
    events.take(OAXACA, organisation_id="org_other")
    other = (
        events.sensors.events.queries.list_events(Visible(organisation_id="org_other"), EventFilter(), 1).events[0].id
    )
    assert events.listed() == []
    for id_ in (other, "evt_0000000000000000000000"):
        problem(events.ask(f"/{id_}"), 403, "outside-organisation")


def test_a_key_that_is_bound_to_networks_sees_their_events_alone(events: Events) -> None:
    with events.sensors.database.transaction() as tx:
        tx.execute(insert(tables.network), [{**NETWORK, "id": id_} for id_ in ("net_1", "net_2")])
    events.take(OAXACA, network_id="net_2")
    events.take(OAXACA, replace(LEAST, magnitude=5.0), network_id="net_1")
    events.take(OAXACA, first=2)
    events.take(OAXACA, network_id="net_2", first=3)
    own = {event["id"] for event in events.listed() if event["network_id"] == "net_1"}
    assert (len(own), len(events.listed())) == (2, 4)
    queries: tuple[dict[str, str], ...] = ({}, {"network_id": "net_1"}, {"lat": "16", "lon": "-98", "radius": "20038"})
    for params in queries:
        answer = events.ask(key="scoped", **params).json
        assert {event["id"] for event in answer["data"]} == own
        assert answer["pagination"]["total"] == 2
        exported = events.ask("/export", key="scoped", format="csv", **params).text.splitlines()[1:]
        assert {row.partition(",")[0] for row in exported} == own
    for event in events.listed():
        answer = events.ask(f"/{event['id']}", key="scoped")
        if event["id"] in own:
            assert "net_2" not in answer.text, "where an event was before is no affair of this key"
        else:
            problem(answer, 403, "outside-organisation")
    problem(events.ask(key="scoped", network_id="net_2"), 403, "network-not-allowed")


def test_the_events_of_a_network_that_is_closed_to_keys_are_seen_by_none(events: Events) -> None:
    networks, own = events.sensors.networks.commands, Visible(organisation_id=ORGANISATION)
    network_id = networks.create(ORGANISATION, Settings(name="Oaxaca"), ORIGIN)
    events.take(OAXACA, network_id=network_id)
    assert [event["network_id"] for event in events.listed()] == [network_id]
    networks.change(own, network_id, ChangeNetwork(api_access=False), ORIGIN)
    assert events.listed() == []


def test_a_deletion_opens_no_network_s_events_and_closes_none(events: Events) -> None:
    networks, own = events.sensors.networks.commands, Visible(organisation_id=ORGANISATION)
    closed, opened = (networks.create(ORGANISATION, Settings(name=name), ORIGIN) for name in ("Oaxaca", "Chile"))
    events.take(OAXACA, network_id=closed)
    events.take(OAXACA, network_id=opened, first=1)
    (hidden,) = (event["id"] for event in events.listed() if event["network_id"] == closed)
    networks.change(own, closed, ChangeNetwork(api_access=False), ORIGIN)
    for network_id, name in ((closed, "Oaxaca"), (opened, "Chile")):
        networks.delete(own, network_id, name, ORIGIN)
    assert [event["network_id"] for event in events.listed()] == [opened]
    problem(events.ask(f"/{hidden}"), 403, "outside-organisation")
    assert hidden not in events.ask("/export", format="csv").text


def test_the_statistics_of_a_network_count_its_events_of_the_last_thirty_days(events: Events, app: Tiny) -> None:
    now, networks = app.clock.now(), events.sensors.networks.commands
    network_id, other = (networks.create(ORGANISATION, Settings(name=name), ORIGIN) for name in ("Oaxaca", "Chile"))
    at = [replace(OAXACA, origin_time=now - timedelta(days=days)) for days in (0, 29, 31)]
    events.take(*at, network_id=network_id)
    events.take(*at, network_id=other, first=3)
    events.take(*at, first=6)
    path = f"/v1/networks/{network_id}/stats"
    assert events.client.simulate_get(path, headers=bearer("chief")).json["data"]["events_30d"] == 2


def test_a_record_says_which_network_the_event_was_of(events: Events, app: Tiny) -> None:
    events.take(OAXACA, network_id="net_1")
    events.ask(f"/{events.listed()[0]['id']}")
    assert [record[16] for record in app.recorded()] == [None, "net_1"]


@pytest.mark.parametrize(
    ("params", "headers", "content_type"),
    [
        ({}, {}, "application/json"),
        ({"format": "json"}, {"Accept": "text/csv"}, "application/json"),
        ({"format": "csv"}, {}, "text/csv; charset=utf-8"),
        ({}, {"Accept": "text/csv"}, "text/csv; charset=utf-8"),
        ({"format": "quakeml"}, {}, "application/xml"),
        ({"format": "kml"}, {}, "application/vnd.google-earth.kml+xml"),
    ],
)
def test_exports_come_in_the_form_that_is_asked_for(
    events: Events, params: dict[str, str], headers: dict[str, str], content_type: str
) -> None:
    events.take(OAXACA, LEAST)
    answer = events.client.simulate_get("/v1/events/export", headers=bearer("chief") | headers, params=params)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="events.')
    if content_type == "application/json":
        assert answer.json["data"] == events.listed()
    elif "csv" in content_type:
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["event_id"] for row in rows] == [event["id"] for event in events.listed()]
    else:
        names = {etree.QName(element).localname for element in etree.fromstring(answer.content).iter()}
        assert ("origin" in names, "Placemark" in names) == ("kml" not in content_type, "kml" in content_type)


def test_a_form_that_there_is_not_is_refused(events: Events) -> None:
    assert problem(events.ask("/export", format="xls"), 400, "invalid-request")["detail"].startswith("format: ")
    assert problem(events.ask("/export", page="1"), 400, "invalid-request")["detail"].startswith("unknown query")
