"""Catalogues in the database: nothing twice, histories, and lists that are what brute force finds."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sensors import assembly, tables
from services.sensors.catalogue.circle import Circle, distance_km
from services.sensors.catalogue.history import REVISIONS_MAX, Change, EventHistory
from services.sensors.catalogue.importer import CatalogueImporter
from services.sensors.catalogue.measures import measured
from services.sensors.catalogue.queries import EventFilter, EventQueries, SeismicEventView
from services.sensors.catalogue.reading import FoundEvent, ReadCatalogue, read
from services.sensors.catalogue.reading.samples import sample_catalogue
from services.sensors.catalogue.seismic_event import event_id
from services.sensors.catalogue.solution import Solution
from services.sensors.registry.visible import Visible
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON, ORGANISATION_ID, ORIGIN
from tests.servers import Postgres
from tests.service_database import migrated, new_service_database

REPOSITORY = Path(__file__).resolve().parents[4]
OPENEEW = Path(os.environ.get("GRILLO_TEST_DATA", REPOSITORY / "../shared/data/openeew")).resolve()
MINE = Visible(organisation_id=ORGANISATION_ID)
ALL = EventFilter()
SOLUTION = Solution(origin_time=NOON, latitude=16.2, longitude=-98.0, magnitude=7.1, magnitude_type="Mw")
OUTCOMES = dict.fromkeys(("added", "revised", "withdrawn", "repeated", "rejected"), 0)


def found(solution: Solution | None, name: str = "1", said_at: datetime | None = None) -> FoundEvent:
    return FoundEvent(
        source="org.example", public_id=f"smi:org.example/event/{name}", solution=solution, said_at=said_at
    )


class Catalogue:
    def __init__(self, database: Database, clock: ManualClock) -> None:
        store = SqlEventStore(database, tables.metadata)
        self.importer = CatalogueImporter(database, store, clock)
        self.queries, self.history, self.database = EventQueries(database), EventHistory(store), database

    def take(self, *events: FoundEvent, network_id: str | None = None) -> dict[str, int]:
        imported = self.importer.store(ReadCatalogue(events=events, rejected=()), ORGANISATION_ID, ORIGIN, network_id)
        return {name: count for name, count in imported.outcomes.items() if count}

    def listed(self, wanted: EventFilter = ALL, limit: int = 100) -> list[SeismicEventView]:
        return list(self.queries.list_events(MINE, wanted, limit).events)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgres"))])
def catalogue(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Catalogue]:
    if request.param == "sqlite":
        database = migrated(Database.sqlite(tmp_path / "sensors.db"), assembly.MIGRATIONS)
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        database = new_service_database(postgres, assembly.MIGRATIONS)
    yield Catalogue(database, clock)
    database.close()


def test_the_catalogue_of_openeew_is_imported_once_however_often(catalogue: Catalogue) -> None:
    whole = read(OPENEEW / "catalogue.txt", now=NOON)
    assert catalogue.importer.store(whole, ORGANISATION_ID, ORIGIN).outcomes == OUTCOMES | {
        "added": 4085,
        "repeated": 1,
    }
    assert catalogue.importer.store(whole, ORGANISATION_ID, ORIGIN).outcomes == OUTCOMES | {"repeated": 4086}
    strongest = EventFilter(
        min_magnitude=7.0, start=datetime(2018, 2, 16, tzinfo=UTC), end=datetime(2018, 2, 17, tzinfo=UTC)
    )
    (oaxaca,) = catalogue.listed(strongest)
    assert (oaxaca.solution.magnitude, oaxaca.solution.latitude) == (7.2, 16.218)


def test_a_revised_event_keeps_its_id_and_its_history(catalogue: Catalogue, clock: ManualClock) -> None:
    assert catalogue.take(found(SOLUTION)) == {"added": 1}
    clock.advance(60)
    better = replace(SOLUTION, magnitude=7.2, depth_km=12.0)
    assert catalogue.take(found(better), found(better)) == {"revised": 1, "repeated": 1}
    (event,) = catalogue.listed()
    assert (event.solution, event.revision, event.created_at) == (better, 2, NOON)
    first, second = catalogue.history.revisions(MINE, event.id)
    assert (first.recorded_at, first.changes) == (NOON, {})
    assert second.recorded_at == NOON + timedelta(seconds=60)
    assert second.changes == {"depth_km": Change(old=None, new=12.0), "magnitude": Change(old=7.1, new=7.2)}


def test_a_withdrawn_event_is_nowhere_until_it_is_told_again(catalogue: Catalogue) -> None:
    catalogue.take(found(SOLUTION))
    (event,) = catalogue.listed()
    assert catalogue.take(found(None)) == {"withdrawn": 1}
    assert catalogue.listed() == list(catalogue.queries.all_events(MINE, ALL)) == []
    assert catalogue.queries.get_event(MINE, event.id) is None
    assert catalogue.take(found(replace(SOLUTION, magnitude=3.0))) == {"revised": 1}
    assert [each.revision for each in catalogue.listed()] == [3]
    assert [each.is_withdrawn for each in catalogue.history.revisions(MINE, event.id)] == [False, True, False]


def test_a_long_history_is_told_by_its_newest_revisions_also_behind_a_withdrawal(catalogue: Catalogue) -> None:
    catalogue.take(found(replace(SOLUTION, magnitude=0.0)), found(None))
    catalogue.take(*(found(replace(SOLUTION, magnitude=n / 100)) for n in range(1, REVISIONS_MAX + 1)))
    (event,) = catalogue.listed()
    told = catalogue.history.revisions(MINE, event.id)
    assert [each.revision for each in told] == list(range(3, REVISIONS_MAX + 3))
    assert [each.changes["magnitude"] for each in told[:2]] == [Change(old=0.0, new=0.01), Change(old=0.01, new=0.02)]


def test_what_was_never_there_and_is_withdrawn_is_rejected(catalogue: Catalogue) -> None:
    imported = catalogue.importer.store(ReadCatalogue(events=(found(None),), rejected=()), ORGANISATION_ID, ORIGIN)
    assert imported.outcomes == OUTCOMES | {"rejected": 1}
    assert [one.place for one in imported.rejected] == ["smi:org.example/event/1"]


def test_two_sources_that_tell_of_one_earthquake_make_two_events_and_organisations_share_none(
    catalogue: Catalogue,
) -> None:
    other = FoundEvent(source="mx.ssn", public_id="smi:mx.ssn/1", solution=SOLUTION, said_at=None)
    assert catalogue.take(found(SOLUTION), other) == {"added": 2}
    assert {each.source for each in catalogue.listed()} == {"org.example", "mx.ssn"}
    assert catalogue.queries.list_events(Visible(organisation_id="org_2"), ALL, 10).total == 0
    assert catalogue.queries.get_event(Visible(organisation_id="org_2"), catalogue.listed()[0].id) is None


def test_an_event_is_of_the_network_that_an_import_names(catalogue: Catalogue) -> None:
    catalogue.take(found(SOLUTION), network_id="net_1")
    catalogue.take(found(replace(SOLUTION, magnitude=7.2)), found(SOLUTION, "2"))
    assert [each.network_id for each in catalogue.listed(EventFilter(network_id="net_1"))] == ["net_1"]
    assert catalogue.queries.count_by_network(MINE, NOON, {"net_1", "net_2"}) == {"net_1": 1, "net_2": 0}
    assert catalogue.queries.count_by_network(MINE, NOON + timedelta(seconds=1), {"net_1"}) == {"net_1": 0}
    assert catalogue.queries.count_by_network(Visible(organisation_id="org_2"), NOON, {"net_1"}) == {"net_1": 0}


def test_what_became_of_imports_is_measured(catalogue: Catalogue) -> None:
    catalogue.take(found(SOLUTION), found(SOLUTION, "2"))
    catalogue.take(found(SOLUTION), found(None, "2"))
    told = {
        (sample.name, *sample.labels.values()): sample.value
        for metric in measured(catalogue.database)()
        for sample in metric.samples
    }
    assert told["grillo_catalogue_events", "sensors"] == 1
    assert told["grillo_catalogue_offered", "added"] == 2
    assert told["grillo_catalogue_offered", "withdrawn"] == told["grillo_catalogue_offered", "repeated"] == 1


PLACES = [(0.0, 179.9), (0.0, -179.9), (89.5, 0.0), (89.5, 180.0), (-90.0, 12.0), (16.2, -98.0), (16.9, -99.8), (0, 0)]
SCATTERED = [
    replace(SOLUTION, latitude=float(latitude), longitude=float(longitude), origin_time=NOON + timedelta(hours=n % 5))
    for n, (latitude, longitude) in enumerate(PLACES * 3)
]


@pytest.fixture(scope="module")
def scattered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    folder = tmp_path_factory.mktemp("scattered")
    database = migrated(Database.sqlite(folder / "sensors.db"), assembly.MIGRATIONS)
    catalogue = Catalogue(database, ManualClock(NOON))
    catalogue.take(*(found(solution, str(number)) for number, solution in enumerate(SCATTERED)))
    yield catalogue
    database.close()


_circles = st.builds(
    Circle,
    latitude=st.sampled_from([0.0, 89.9, -89.0, 16.5]) | st.floats(-90, 90),
    longitude=st.sampled_from([180.0, -180.0, 0.0, -99.0]) | st.floats(-180, 180),
    radius_km=st.sampled_from([1.0, 50.0, 250.0, 20_038.0]) | st.floats(0.001, 20_038),
)


@given(circle=_circles, limit=st.integers(1, 30))
def test_events_around_a_place_are_those_that_brute_force_finds_page_by_page_and_exported(
    scattered: Catalogue, circle: Circle, limit: int
) -> None:
    everything = [(each.solution.origin_time, each.id, each) for each in scattered.listed()]
    near = [
        id_
        for _, id_, each in sorted(everything, key=lambda one: one[:2], reverse=True)
        if distance_km(circle.latitude, circle.longitude, each.solution.latitude, each.solution.longitude)
        <= circle.radius_km
    ]
    wanted = EventFilter(circle=circle)
    assert [each.id for each in scattered.queries.all_events(MINE, wanted)] == near
    paged, place = [], None
    while True:
        page = scattered.queries.list_events(MINE, wanted, limit, place)
        assert page.total == len(near)
        paged += [each.id for each in page.events]
        if (place := page.place) is None:
            break
    assert paged == near
    assert [each.id for each in scattered.queries.list_events(MINE, wanted, limit, None, limit).events] == near[
        limit : 2 * limit
    ]


def test_the_same_sample_has_the_same_id_everywhere(catalogue: Catalogue) -> None:
    catalogue.importer.store(read(sample_catalogue(), now=NOON), ORGANISATION_ID, ORIGIN)
    newest = catalogue.listed()[0]
    assert newest.id == event_id(ORGANISATION_ID, "eu.emsc", "quakeml:eu.emsc/event/20120404_0000041")
