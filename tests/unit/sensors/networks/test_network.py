"""A network's decisions: right events, refusal, quiet."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce

import pytest
from msgspec import UNSET

from services.sensors.networks.events import (
    Detection,
    NetworkAccessChanged,
    NetworkArchived,
    NetworkDeleted,
    NetworkDescribed,
    NetworkDetectionChanged,
    NetworkEvent,
    NetworkUnarchived,
)
from services.sensors.networks.network import (
    ChangeNetwork,
    CreateNetwork,
    DeleteNetwork,
    DetectionChange,
    NameDiffers,
    Network,
    NetworkCommand,
    NeverOff,
    NoSuchNetwork,
    Settings,
    decide,
    evolve,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CREATE = CreateNetwork(
    network_id="net_1",
    organisation_id="org_1",
    settings=Settings(name="Oaxaca", detection=Detection(trigger_on=3.5, stations_min=4)),
)


def given(*commands: NetworkCommand) -> Network | None:
    state: Network | None = None
    for command in commands:
        state = reduce(evolve, decide(state, command, NOON), state)
    return state


def changed(change: ChangeNetwork, state: Network | None = None) -> tuple[NetworkEvent, ...]:
    return decide(state or given(CREATE), change, NOON)


def test_a_created_network_has_what_it_was_created_with() -> None:
    assert given(CREATE) == Network(network_id="net_1", organisation_id="org_1", settings=CREATE.settings)


def test_only_what_becomes_another_is_an_event() -> None:
    as_it_is = ChangeNetwork(name="Oaxaca", description=None, api_access=True, accepts_new=True, archived=False)
    assert changed(as_it_is) == ()
    assert [type(event) for event in changed(replace(as_it_is, name="Costa", api_access=False))] == [
        NetworkDescribed,
        NetworkAccessChanged,
    ]


def test_what_a_change_does_not_name_stays() -> None:
    state = given(CREATE, ChangeNetwork(description="the coast"), ChangeNetwork(accepts_new=False))
    assert state is not None
    assert state.settings == replace(CREATE.settings, description="the coast", accepts_new=False)
    assert state.revision == 3


def test_detection_is_merged_member_by_member() -> None:
    (event,) = changed(ChangeNetwork(detection=DetectionChange(trigger_off=1.5, stations_min=None)))
    assert isinstance(event, NetworkDetectionChanged)
    assert event.detection == Detection(trigger_on=3.5, trigger_off=1.5)
    (event,) = changed(ChangeNetwork(detection=None))
    assert isinstance(event, NetworkDetectionChanged)
    assert event.detection == Detection()
    assert changed(ChangeNetwork(detection=UNSET)) == ()


def test_a_trigger_that_never_ends_is_refused_of_the_outcome() -> None:
    with pytest.raises(NeverOff):
        changed(ChangeNetwork(detection=DetectionChange(trigger_off=4.0)))
    assert changed(ChangeNetwork(detection=DetectionChange(trigger_on=5.0, trigger_off=4.0)))


def test_archiving_is_reversible() -> None:
    (event,) = changed(ChangeNetwork(archived=True))
    assert isinstance(event, NetworkArchived)
    (back,) = changed(ChangeNetwork(archived=False), given(CREATE, ChangeNetwork(archived=True)))
    assert isinstance(back, NetworkUnarchived)


def test_deletion_asks_the_name_and_is_for_good() -> None:
    with pytest.raises(NameDiffers):
        decide(given(CREATE), DeleteNetwork(name="oaxaca"), NOON)
    (event,) = decide(given(CREATE), DeleteNetwork(name="Oaxaca"), NOON)
    assert isinstance(event, NetworkDeleted)
    gone = given(CREATE, DeleteNetwork(name="Oaxaca"))
    for command in (ChangeNetwork(name="Costa"), DeleteNetwork(name="Oaxaca")):
        with pytest.raises(NoSuchNetwork):
            decide(gone, command, NOON)
    assert decide(gone, CREATE, NOON) == (), "its id is not given again"
