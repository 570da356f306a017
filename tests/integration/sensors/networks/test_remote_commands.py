"""Commands on networks over RPC: once for an id, on the revision that was seen, and in whose name the log has them."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from services.sensors import tables
from services.sensors.assembly import Sensors
from services.sensors.networks.remote_commands import RemoteNetworks
from services.sensors.registry.visible import Visible
from services.sensors.service import SensorsService
from shared.contracts.errors import Conflict, InvalidArguments, NotFound
from shared.values.identifiers import new_id
from tests.examples import ORGANISATION_ID, ORIGIN
from tests.integration.sensors.networks.stations import stations

ANOTHER = "org_another"


@pytest.fixture
def service(sensors: Sensors) -> Any:
    """As the console calls it, past the broker."""
    service = SensorsService()
    service.network_commands = RemoteNetworks(sensors.networks.commands, sensors.networks.queries)
    service.sender = "keys"
    return service


def names(sensors: Sensors, organisation_id: str = ORGANISATION_ID) -> list[str]:
    return [one.name for one in sensors.networks.queries.networks_of(organisation_id).networks]


def origins(sensors: Sensors) -> list[dict[str, Any]]:
    with sensors.database.reading() as tx:
        return [json.loads(text) for text in tx.execute(select(tables.log.c.metadata)).scalars()]


def test_a_network_is_made_once_for_an_id_changed_and_deleted(sensors: Sensors, service: Any) -> None:
    network_id = new_id("net")
    for _ in range(2):
        told = service.create_network(ORGANISATION_ID, network_id, {"name": "  Costa "}, "usr_1", "req_1")
        assert told == {"id": network_id, "revision": 1}
    assert names(sensors) == ["Costa"]
    settings = {"name": "Sierra", "description": None, "api_access": False, "accepts_new": False, "archived": True}
    assert service.change_network(ORGANISATION_ID, network_id, settings, "usr_1", 1)["revision"] == 4
    seen = sensors.networks.queries.get_network(Visible(organisation_id=ORGANISATION_ID), network_id)
    assert (seen.name, seen.api_access, seen.accepts_new, seen.archived) == ("Sierra", False, False, True)
    with pytest.raises(Conflict, match="revision 4"):
        service.change_network(ORGANISATION_ID, network_id, settings, "usr_2", 1)
    with pytest.raises(Conflict, match="letter by letter"):
        service.delete_network(ORGANISATION_ID, network_id, "Costa", "usr_1")
    service.delete_network(ORGANISATION_ID, network_id, "Sierra", "usr_1")
    with pytest.raises(NotFound):
        service.create_network(ORGANISATION_ID, network_id, {"name": "Costa"}, "usr_1")
    assert names(sensors) == []
    assert [(one["actor"], one["request_id"]) for one in origins(sensors)[:2]] == [("usr_1", "req_1"), ("usr_1", None)]


def test_one_with_sensors_is_not_deleted(sensors: Sensors, service: Any) -> None:
    sensors.importer.store(stations("AAA"), ORGANISATION_ID, ORIGIN, None)
    (network,) = sensors.networks.queries.networks_of(ORGANISATION_ID).networks
    with pytest.raises(Conflict, match="1 sensors belong"):
        service.delete_network(ORGANISATION_ID, network.id, network.name, "usr_1")


def test_another_organisation_s_id_is_as_unknown_as_none(sensors: Sensors, service: Any) -> None:
    theirs = service.create_network(ANOTHER, new_id("net"), {"name": "Theirs"}, "usr_9")["id"]
    for network_id in (theirs, new_id("net")):
        with pytest.raises(NotFound):
            service.change_network(ORGANISATION_ID, network_id, {"name": "x"}, "usr_1")
        with pytest.raises(NotFound):
            service.delete_network(ORGANISATION_ID, network_id, "Theirs", "usr_1")
    with pytest.raises(NotFound):
        service.create_network(ORGANISATION_ID, theirs, {"name": "Mine"}, "usr_1")
    assert (names(sensors, ANOTHER), names(sensors)) == (["Theirs"], [])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"name": " "},
        {"name": "x" * 101},
        {"name": "a\u202eb"},
        {"name": "Costa", "archived": True},
        {"name": "Costa", "api_access": "yes"},
        {"name": "Costa", "description": "grl_" + "A" * 49},
        {"name": "Costa", "colour": "red"},
    ],
)
def test_what_is_no_setting_is_refused(sensors: Sensors, service: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidArguments):
        service.create_network(ORGANISATION_ID, new_id("net"), settings, "usr_1")
    assert names(sensors) == []


def test_the_log_names_another_back_end_and_whom_it_asks_for(sensors: Sensors, service: Any) -> None:
    service.sender = "back-office"
    service.create_network(ORGANISATION_ID, new_id("net"), {"name": "Costa"}, "billing")
    (origin,) = origins(sensors)
    assert (origin["actor"], origin["on_behalf_of"]) == ("rpc:back-office", "billing")
