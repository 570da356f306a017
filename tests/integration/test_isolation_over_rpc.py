"""Two full organisations, and every remote procedure, with every id of the other's in every place.

Callers name the organisation for which they ask, and may ask for any; what is promised (docs/rpc.md) is that an answer
for one organisation knows no other's ids. So whatever is asked for the first with ids of the second, the answer is
that to an id that never was, holds nothing of the second, and changes nothing there.
"""

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR
from nameko.rpc import Rpc

from services.service_registry import SERVICES
from shared.contracts.errors import NotFound
from shared.messaging.entrypoints import COMPOSITION, Provided, Sender
from shared.runtime.clock import SystemClock
from tests.integration.web.management import management
from tests.integration.web.two_organisations import Organisation, World, invented, two_organisations, words_in

CLOCK = SystemClock()
Method = Callable[..., Any]
PROCEDURES: dict[str, tuple[type, Method]] = {
    f"{service_class.name}.{name}": (service_class, method)  # type: ignore[attr-defined]  # nameko's name
    for service in SERVICES.values()
    for service_class in service.service_classes()
    for name, method in vars(service_class).items()
    if any(isinstance(entrypoint, Rpc) for entrypoint in getattr(method, ENTRYPOINT_EXTENSIONS_ATTR, ()))
}
PARAMETERS = {name: set(inspect.signature(method).parameters) for name, (_, method) in PROCEDURES.items()}
OF_ONE_KEY = [name for name, takes in PARAMETERS.items() if {"organisation_id", "key_id"} <= takes]
# Each with what it is given beside ids.
OF_ONE_NETWORK: dict[str, dict[str, Any]] = {
    "sensors.create_network": {"settings": {"name": "taken"}},
    "sensors.change_network": {"settings": {"name": "taken"}},
    "sensors.delete_network": {"name": "second-network"},
}
LISTS = [
    name
    for name, takes in PARAMETERS.items()
    if "organisation_id" in takes and "key_id" not in takes and name not in OF_ONE_NETWORK
]
# What they must be given beside ids.
OTHERS = {"actor": "billing", "start": "2020-01-01T00:00:00Z", "end": "2040-01-01T00:00:00Z", "also_made": True}
OTHERS |= {"day_limit": 10, "where": {"start": "2020-01-01T00:00:00Z"}, "permission": "sensors:read"}
# They are asked for no organisation: whoever shows a digest is told whose it is; gates ask for the whole, by ids alone.
OF_NO_ORGANISATION = {"auth.verify", "usage.spent", "keys.feed.pull"}


@dataclass
class _Container:
    """All of nameko's that `Provided` asks for its part."""

    config: dict[str, dict[str, object]]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    api = management(tmp_path)
    with two_organisations(api, tmp_path) as world:
        yield world
    api.close()


@pytest.mark.parametrize("name", OF_ONE_KEY)
def test_an_id_of_another_s_is_as_unknown_as_one_that_never_was(world: World, name: str) -> None:
    never = invented(world.second.ids)
    before = world.state(world.second)
    for kind, foreign in world.second.ids.items():
        answered = _refused(world, name, world.first.organisation_id, foreign)
        assert answered == _refused(world, name, world.first.organisation_id, never[kind])
    organisation_id = world.second.organisation_id
    assert _refused(world, name, world.first.organisation_id, organisation_id) == answered
    assert _refused(world, name, organisation_id, world.first.ids["key_id"]) == answered
    assert _refused(world, name, organisation_id, organisation_id) == answered, "an organisation is no key of its own"
    assert world.state(world.second) == before
    own = _call(world, name, organisation_id=world.first.organisation_id, key_id=world.first.ids["key_id"])
    assert own, "and its own is known: else this would show nothing"
    assert not world.second.own & _words(own)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_has_one_s_own_and_nothing_of_another_s(world: World, name: str) -> None:
    for one, other in ((world.first, world.second), (world.second, world.first)):
        answer = _call(world, name, organisation_id=one.organisation_id, **_whole(world, name))
        assert one.own & _words(answer), "an empty list shows nothing"
        assert not other.own & _words(answer)
    nobody = invented({"organisation": world.first.organisation_id})["organisation"]
    assert not _everybody_s(world) & _words(_call(world, name, organisation_id=nobody, **_whole(world, name)))


def test_a_place_of_another_s_leads_to_nothing_of_it(world: World) -> None:
    for place in ("", world.second.ids["sensor_id"], "sen_0"):
        page = _call(world, "sensors.list_sensors", organisation_id=world.first.organisation_id, limit=100, after=place)
        assert not world.second.own & _words(page)


def test_a_network_of_another_s_is_as_unknown_as_one_that_never_was(world: World) -> None:
    told, organisation_id = set(), world.first.organisation_id
    for network_id in (world.second.ids["network_id"], "net_none"):
        with pytest.raises(NotFound) as refusal:
            _call(world, "sensors.sensor_states", organisation_id=organisation_id, network_id=network_id)
        told.add(str(refusal.value))
    assert told == {"there is no such network"}


@pytest.mark.parametrize("name", OF_ONE_NETWORK)
def test_nothing_is_changed_of_a_network_of_another_s(world: World, name: str) -> None:
    organisation_id, theirs = world.first.organisation_id, world.second.ids["network_id"]
    before = world.state(world.second)
    with pytest.raises(NotFound, match="there is no such network"):
        _call(world, name, organisation_id=organisation_id, network_id=theirs, **OF_ONE_NETWORK[name])
    assert world.state(world.second) == before


def test_every_procedure_is_in_the_matrix() -> None:
    """A new one takes an organisation, or must be named here."""
    assert {*OF_ONE_KEY, *LISTS, *OF_ONE_NETWORK} | OF_NO_ORGANISATION == PROCEDURES.keys()
    known = {
        "organisation_id",
        "key_id",
        "key_ids",
        "limit",
        "after",
        "before",
        "step",
        "reason",
        "note",
        "made_since",
        "network_id",
        *OTHERS,
    }
    assert {taken for name in (*OF_ONE_KEY, *LISTS) for taken in PARAMETERS[name]} - {"self"} <= known


def _whole(world: World, name: str) -> dict[str, Any]:
    """The longest page, of a list that has pages; of named keys, those of both organisations."""
    ids = [one.ids["key_id"] for one in (world.first, world.second)]
    most: dict[str, Any] = {"limit": 20 if name.endswith("_states") else 100, "key_ids": ids}
    return {taken: most[taken] for taken in PARAMETERS[name] & most.keys()}


def _call(world: World, name: str, /, **arguments: Any) -> Any:
    """As nameko's worker does, but for the way over the bus."""
    service_class, method = PROCEDURES[name]
    parts = world.api.keys, world.auth, world.api.usage, world.sensors
    config = {COMPOSITION: {name: part for of in parts for name, part in of.provided().items()} | {"clock": CLOCK}}
    container, service = _Container(config), service_class()
    for attribute, value in vars(service_class).items():
        if isinstance(value, Provided):
            setattr(service, attribute, value.bind(container, attribute).get_dependency(None))
        elif isinstance(value, Sender):
            setattr(service, attribute, None)
    others = {taken: OTHERS[taken] for taken in PARAMETERS[name] & OTHERS.keys()}
    return method(service, **arguments, **others)


def _refused(world: World, name: str, organisation_id: str, key_id: str) -> str:
    with pytest.raises(NotFound) as refusal:
        _call(world, name, organisation_id=organisation_id, key_id=key_id)
    return str(refusal.value)


def _everybody_s(world: World) -> set[str]:
    organisations: tuple[Organisation, ...] = (world.first, world.second)
    return set().union(*(one.own for one in organisations))


def _words(answer: Any) -> set[str]:
    return words_in(json.dumps(answer))
