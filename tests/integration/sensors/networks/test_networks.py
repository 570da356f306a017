"""Networks and their sensors: where a sensor belongs, who may see it, and what a deletion waits for."""

import pytest

from services.sensors.assembly import Sensors
from services.sensors.networks.commands import (
    FIRST_NAME,
    NetworkHasSensors,
    NoNetworkTakesSensors,
    TakesNoSensors,
    Terms,
)
from services.sensors.networks.moves import NoSuchSensors
from services.sensors.networks.network import ChangeNetwork, NoSuchNetwork, Settings
from services.sensors.networks.queries import SeveralNetworks
from services.sensors.registry.visible import Visible
from shared.values.revision import RevisionDiffers, SeenRevisions
from tests.examples import ORGANISATION_ID, ORIGIN
from tests.integration.sensors.networks.stations import stations

OWNER = Visible(organisation_id=ORGANISATION_ID)
BY_KEY = Visible(organisation_id=ORGANISATION_ID, open_only=True)
ANOTHER = Visible(organisation_id="org_another")


def created(sensors: Sensors, name: str = "Oaxaca", organisation_id: str = ORGANISATION_ID) -> str:
    return sensors.networks.commands.create(organisation_id, Settings(name=name), ORIGIN)


def imported(sensors: Sensors, *names: str, network_id: str | None = None) -> list[str]:
    return list(sensors.importer.store(stations(*names), ORGANISATION_ID, ORIGIN, network_id).sensor_ids)


def seen(sensors: Sensors, visible: Visible) -> set[str]:
    page = sensors.queries.list_sensors(visible, 100)
    assert page.total == len(page.sensors), "a count of what is not shown would show it"
    return {sensor.id for sensor in page.sensors}


def network_of(sensors: Sensors, sensor_id: str) -> str | None:
    view = sensors.queries.get_sensor(OWNER, sensor_id)
    assert view is not None
    return view.network_id


def test_the_first_sensor_makes_the_first_network_and_the_next_joins_it(sensors: Sensors) -> None:
    imported(sensors, "AAA")
    imported(sensors, "BBB")
    (network,) = sensors.networks.queries.list_networks(OWNER, 100).networks
    assert (network.name, network.sensor_count) == (FIRST_NAME, 2)


def test_a_sensor_joins_the_network_that_is_named_and_stays_there(sensors: Sensors) -> None:
    coast, hills = created(sensors, "Costa"), created(sensors, "Sierra")
    (sensor_id,) = imported(sensors, "AAA", network_id=hills)
    assert imported(sensors, "AAA", network_id=coast) == [sensor_id]
    assert network_of(sensors, sensor_id) == hills


def test_a_network_that_takes_no_sensors_gets_none(sensors: Sensors) -> None:
    network_id = created(sensors)
    (known,) = imported(sensors, "AAA")
    for change in (ChangeNetwork(accepts_new=False), ChangeNetwork(accepts_new=True, archived=True)):
        sensors.networks.commands.change(OWNER, network_id, change, ORIGIN)
        with pytest.raises(TakesNoSensors):
            imported(sensors, "BBB", network_id=network_id)
        with pytest.raises(NoNetworkTakesSensors):
            imported(sensors, "BBB")
        assert imported(sensors, "AAA") == [known], "it belongs there already"
    another = created(sensors, "Sierra")
    assert network_of(sensors, imported(sensors, "BBB")[0]) == another


def test_another_organisation_s_network_is_as_unknown_as_none(sensors: Sensors) -> None:
    foreign = created(sensors, organisation_id=ANOTHER.organisation_id)
    for network_id in (foreign, "net_none"):
        with pytest.raises(NoSuchNetwork):
            imported(sensors, "AAA", network_id=network_id)
        with pytest.raises(NoSuchNetwork):
            sensors.networks.commands.change(OWNER, network_id, ChangeNetwork(name="taken"), ORIGIN)
        with pytest.raises(NoSuchNetwork):
            sensors.networks.commands.delete(OWNER, network_id, "Oaxaca", ORIGIN)
        with pytest.raises(NoSuchNetwork):
            sensors.networks.moves.move(OWNER, network_id, [], ORIGIN)
        with pytest.raises(NoSuchNetwork):
            sensors.networks.queries.get_network(OWNER, network_id)


def test_a_network_with_sensors_is_not_deleted_and_an_empty_one_is(sensors: Sensors) -> None:
    network_id, other = created(sensors), created(sensors, "Sierra")
    (sensor_id,) = imported(sensors, "AAA", network_id=network_id)
    with pytest.raises(NetworkHasSensors):
        sensors.networks.commands.delete(OWNER, network_id, "Oaxaca", ORIGIN)
    sensors.networks.moves.move(OWNER, other, [sensor_id], ORIGIN)
    sensors.networks.commands.delete(OWNER, network_id, "Oaxaca", ORIGIN)
    assert [one.id for one in sensors.networks.queries.networks_of(ORGANISATION_ID).networks] == [other]
    assert seen(sensors, Visible(organisation_id=ORGANISATION_ID, networks=frozenset({network_id}))) == set()


def test_a_change_is_based_on_the_revision_that_it_names(sensors: Sensors) -> None:
    network_id = created(sensors)
    for number in (1, 2):
        terms = Terms(seen=SeenRevisions(frozenset({number})))
        sensors.networks.commands.change(OWNER, network_id, ChangeNetwork(name=f"Oaxaca {number}"), ORIGIN, terms)
    with pytest.raises(RevisionDiffers):
        sensors.networks.commands.change(OWNER, network_id, ChangeNetwork(name="late"), ORIGIN, terms)
    assert sensors.networks.queries.get_network(OWNER, network_id).revision == 3


def test_who_may_see_some_networks_sees_and_counts_and_changes_those_alone(sensors: Sensors) -> None:
    coast, hills = created(sensors, "Costa"), created(sensors, "Sierra")
    (on_coast,) = imported(sensors, "AAA", network_id=coast)
    (in_hills,) = imported(sensors, "BBB", network_id=hills)
    some = Visible(organisation_id=ORGANISATION_ID, networks=frozenset({coast}), open_only=True)
    assert seen(sensors, some) == {on_coast}
    assert seen(sensors, Visible(organisation_id=ORGANISATION_ID, networks=frozenset())) == set()
    assert sensors.queries.get_sensor(some, in_hills) is None
    page = sensors.networks.queries.list_networks(some, 100)
    assert ([network.id for network in page.networks], page.total) == ([coast], 1)
    assert sensors.networks.statistics.of_network(some, hills).total_sensors == 0
    with pytest.raises(NoSuchNetwork):
        sensors.networks.commands.change(some, hills, ChangeNetwork(name="taken"), ORIGIN)
    with pytest.raises(NoSuchNetwork):
        sensors.networks.moves.move(some, hills, [on_coast], ORIGIN)
    with pytest.raises(NoSuchSensors):
        sensors.networks.moves.move(some, coast, [on_coast, in_hills], ORIGIN)
    assert network_of(sensors, in_hills) == hills


def test_a_closed_network_hides_its_sensors_from_keys_and_from_nobody_else(sensors: Sensors) -> None:
    network_id = created(sensors)
    (sensor_id,) = imported(sensors, "AAA")
    sensors.networks.commands.change(OWNER, network_id, ChangeNetwork(api_access=False), ORIGIN)
    assert (seen(sensors, BY_KEY), seen(sensors, OWNER)) == (set(), {sensor_id})
    assert sensors.queries.get_sensor(BY_KEY, sensor_id) is None
    assert sensors.networks.queries.get_network(BY_KEY, network_id).sensor_count == 0
    sensors.networks.commands.change(BY_KEY, network_id, ChangeNetwork(api_access=True), ORIGIN)
    assert seen(sensors, BY_KEY) == {sensor_id}


def test_a_name_that_two_have_names_neither(sensors: Sensors) -> None:
    first, _ = created(sensors), created(sensors)
    queries = sensors.networks.queries
    with pytest.raises(SeveralNetworks, match=first):
        queries.find(ORGANISATION_ID, "Oaxaca")
    assert queries.find(ORGANISATION_ID, first) == first


def test_a_page_by_number_or_by_place_has_each_network_once(sensors: Sensors) -> None:
    made = [created(sensors, f"Network {number}") for number in range(5)]
    queries = sensors.networks.queries
    by_number = [network.id for start in (0, 2, 4) for network in queries.list_networks(OWNER, 2, None, start).networks]
    by_place, place = [], None
    while True:
        page = queries.list_networks(OWNER, 2, place)
        by_place += [network.id for network in page.networks]
        if (place := page.place) is None:
            break
    assert by_number == by_place
    assert sorted(by_place) == sorted(made)
    assert queries.list_networks(OWNER, 2, None, 6).networks == ()
