"""What sensors answers over RPC, as pages show it; whatever it does not answer is SensorsAway."""

from typing import Any

import pytest

from services.keys.console.pages.networks.network_states import Minute, NetworkRefused, NoSuchNetwork, SensorsAway
from services.keys.console.remote_sensors import RemoteSensors
from services.sensors.registry.status import Status
from services.sensors.rpc_schemas import NetworkStatesAnswer, SensorStatesAnswer
from shared.contracts.errors import Conflict, InvalidArguments, NotFound
from shared.messaging.rpc.call import CallFailed
from shared.messaging.rpc.kept_calls import KeptCalls
from tests.examples import NOON, ORGANISATION_ID, ORIGIN

NETWORK = {
    "id": "net_1",
    "name": "Costa",
    "description": None,
    "api_access": False,
    "accepts_new": True,
    "archived": False,
    "total_sensors": 3,
    "online_sensors": 1,
    "data_completeness": 0.5,
    "revision": 3,
}
MINUTE = {"channel": "BHZ", "ends_at": NOON, "lows": [1.0, None], "highs": [2.0, None]}
SENSOR = {
    "id": "sen_1",
    "name": "AAA",
    "network_id": "net_1",
    "status": Status.ONLINE,
    "last_sample_at": NOON,
    "data_completeness": None,
    "last_minute": MINUTE,
}


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> RemoteSensors:
    def call(_calls: KeptCalls, service: str, *_asked: object) -> Any:
        assert service == "sensors"
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(KeptCalls, "call", call)
    return RemoteSensors("memory://")


def test_what_the_service_s_schemas_write_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    states = NetworkStatesAnswer().dump({"networks": [NETWORK], "next_after": "2026 net_1", "total": 2})
    page = answering(monkeypatch, states).networks(ORGANISATION_ID, "")
    assert (page.networks[0].name, page.networks[0].api_access, page.next_after) == ("Costa", False, "2026 net_1")
    sensors = {"network": NETWORK, "sensors": [SENSOR], "next_after": None, "total": 1}
    told = SensorStatesAnswer().dump(sensors)
    page_of_sensors = answering(monkeypatch, told).sensors(ORGANISATION_ID, "net_1", "")
    assert (page_of_sensors.network.id, page_of_sensors.network.revision) == ("net_1", 3)
    assert page_of_sensors.sensors[0].last_minute == Minute(
        channel="BHZ", ends_at=NOON, lows=(1.0, None), highs=(2.0, None)
    )


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (CallFailed("away"), SensorsAway),
        ({"networks": "none"}, SensorsAway),
        (NotFound("there is no such network"), NoSuchNetwork),
    ],
)
def test_what_is_not_answered_is_away(monkeypatch: pytest.MonkeyPatch, answer: Any, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        answering(monkeypatch, answer).sensors(ORGANISATION_ID, "net_1", "")


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (CallFailed("away"), SensorsAway),
        (Conflict("it is at revision 4"), NetworkRefused),
        (InvalidArguments("name"), NetworkRefused),
        (NotFound("there is no such network"), NoSuchNetwork),
    ],
)
def test_a_change_that_is_not_made_says_why(
    monkeypatch: pytest.MonkeyPatch, answer: Any, raised: type[Exception]
) -> None:
    with pytest.raises(raised):
        answering(monkeypatch, answer).delete(ORGANISATION_ID, "net_1", "Costa", ORIGIN)
