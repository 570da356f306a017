"""HTTP resources of networks: the list, one, its statistics, and the sensors that join it."""

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET

from services.sensors.http.changes import fence_of, seen_of
from services.sensors.http.networks.network_schema import (
    CreateNetworkBody,
    CreateNetworkSchema,
    DeletedNetworkAnswerSchema,
    DeletionQuery,
    DeletionQuerySchema,
    EditNetworkBody,
    EditNetworkSchema,
    MoveSensorsBody,
    MoveSensorsSchema,
    NetworkAnswerSchema,
    NetworkPageSchema,
    NetworkStatisticsAnswerSchema,
)
from services.sensors.http.networks.problem_mapping import as_problems
from services.sensors.http.product_form import Listed, NumberedPageQuery, NumberedPageQuerySchema, page, shown
from services.sensors.networks.commands import NetworkCommands, Terms
from services.sensors.networks.events import Detection
from services.sensors.networks.moves import NoSuchSensors, SensorMoves
from services.sensors.networks.network import ChangeNetwork, DetectionChange, Settings
from services.sensors.networks.queries import NetworkQueries, NetworkView
from services.sensors.networks.statistics import StatisticsQueries
from services.sensors.registry.visible import visible_to
from shared.runtime.clock import Clock
from shared.values.names import as_name, composed
from shared.values.revision import SeenRevisions
from shared.web.merge_patch.read_only import check_fixed
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import Problem
from shared.web.requests.texts import formed
from shared.web.route import Route
from shared.web.still_admitted import StillAdmitted


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkParts:
    """What the resources of networks are made of."""

    commands: NetworkCommands
    queries: NetworkQueries
    moves: SensorMoves
    statistics: StatisticsQueries


def routes(parts: NetworkParts, clock: Clock, still: StillAdmitted) -> list[Route]:
    return [
        Route("/v1/networks", NetworkCollection(parts, still)),
        Route("/v1/networks/{network_id}", NetworkItem(parts, clock, still)),
        Route("/v1/networks/{network_id}/stats", NetworkStats(parts)),
        Route("/v1/networks/{network_id}/sensors", NetworkSensors(parts, still)),
    ]


class _Networks:
    def __init__(self, parts: NetworkParts, still: StillAdmitted) -> None:
        self._parts, self._still = parts, still

    def shown(self, call: Call[Any, Any], network_id: str, **more: Any) -> Answer:
        """The network as it is now. Raises Problem."""
        with as_problems():
            network = self._parts.queries.get_network(visible_to(call.caller), network_id)
        return shown(call, _told(network), revision=network.revision, **more)

    def terms(self, call: Call[Any, Any], seen: SeenRevisions) -> Terms:
        return Terms(fence=fence_of(self._still, call), seen=seen, keep=call.keep)


def _created_before(resource: "NetworkCollection", call: Call[None, Any], network_id: str) -> Answer:
    return resource.created(call, network_id)


class NetworkCollection(_Networks):
    @operation(
        "List networks",
        tag="Networks",
        permission="sensors:read",
        query=NumberedPageQuerySchema,
        answers=NetworkPageSchema,
    )
    def on_get(self, call: Call[NumberedPageQuery, None]) -> Answer:
        query, visible = call.query, visible_to(call.caller)
        found = self._parts.queries.list_networks(visible, query.limit, query.after(str, str), query.offset)
        return page(call, Listed(items=map(_told, found.networks), place=found.place, total=found.total))

    @operation(
        "Create a network",
        tag="Networks",
        permission="config:write",
        body=CreateNetworkSchema,
        answers=NetworkAnswerSchema,
        status=201,
        problems=("beyond-own-bounds", "conflict"),
        repeated=_created_before,
    )
    def on_post(self, call: Call[None, CreateNetworkBody]) -> Answer:
        if visible_to(call.caller).networks is not None:
            raise Problem("beyond-own-bounds", "networks would go beyond that of the calling key")
        with as_problems():
            network_id = self._parts.commands.create(
                call.caller.organisation_id, _settings(call.body), call.origin, self.terms(call, call.seen)
            )
        return self.created(call, network_id)

    def created(self, call: Call[Any, Any], network_id: str) -> Answer:
        return self.shown(call, network_id, status=201, headers={"Location": f"/v1/networks/{network_id}"})


class NetworkItem(_Networks):
    def __init__(self, parts: NetworkParts, clock: Clock, still: StillAdmitted) -> None:
        super().__init__(parts, still)
        self._clock = clock

    @operation(
        "Show a network",
        tag="Networks",
        permission="sensors:read",
        answers=NetworkAnswerSchema,
        problems=("outside-organisation",),
    )
    def on_get(self, call: Call[None, None], network_id: str) -> Answer:
        return self.shown(call, network_id)

    @operation(
        "Change a network, close it to keys, or archive it",
        tag="Networks",
        permission="config:write",
        body=EditNetworkSchema,
        answers=NetworkAnswerSchema,
        problems=("outside-organisation",),
        conditional=True,
    )
    def on_patch(self, call: Call[None, EditNetworkBody], network_id: str) -> Answer:
        visible, body = visible_to(call.caller), call.body
        with as_problems():
            known = self._parts.queries.get_network(visible, network_id)
            check_fixed(body.fixed, known)
            terms = self.terms(call, seen_of(call, body.revision))
            self._parts.commands.change(visible, network_id, _change(body, known), call.origin, terms)
        return self.shown(call, network_id)

    @operation(
        "Delete a network that has no sensors, for good",
        tag="Networks",
        permission="config:write",
        query=DeletionQuerySchema,
        answers=DeletedNetworkAnswerSchema,
        problems=("outside-organisation", "in-use"),
        conditional=True,
    )
    def on_delete(self, call: Call[DeletionQuery, None], network_id: str) -> Answer:
        deleted_at, name = self._clock.now(), composed(call.query.name)
        with as_problems():
            terms = self.terms(call, call.seen)
            self._parts.commands.delete(visible_to(call.caller), network_id, name, call.origin, terms)
        return shown(call, {"id": network_id, "deleted_at": deleted_at})


class NetworkStats(_Networks):
    def __init__(self, parts: NetworkParts) -> None:
        self._parts = parts

    @operation(
        "Show how much of a network's sensors and recordings is there",
        tag="Networks",
        permission="sensors:read",
        answers=NetworkStatisticsAnswerSchema,
        problems=("outside-organisation",),
        name="getNetworkStats",
    )
    def on_get(self, call: Call[None, None], network_id: str) -> Answer:
        visible = visible_to(call.caller)
        with as_problems():
            self._parts.queries.get_network(visible, network_id)
        return shown(call, msgspec.to_builtins(self._parts.statistics.of_network(visible, network_id)))


def _moved_before(resource: "NetworkSensors", call: Call[None, Any], network_id: str) -> Answer:
    return resource.shown(call, network_id)


class NetworkSensors(_Networks):
    @operation(
        "Move sensors into a network, all of them or none",
        tag="Networks",
        permission="config:write",
        body=MoveSensorsSchema,
        answers=NetworkAnswerSchema,
        problems=("outside-organisation", "conflict"),
        repeated=_moved_before,
        name="moveSensors",
    )
    def on_post(self, call: Call[None, MoveSensorsBody], network_id: str) -> Answer:
        visible, sensor_ids = visible_to(call.caller), call.body.sensor_ids
        with as_problems():
            terms = self.terms(call, call.seen)
            try:
                self._parts.moves.move(visible, network_id, sensor_ids, call.origin, terms)
            except NoSuchSensors as refusal:
                errors = {
                    f"/sensor_ids/{number}": ["there is no sensor with this id"]
                    for number, sensor_id in enumerate(sensor_ids)
                    if sensor_id in refusal.ids
                }
                raise Problem("invalid-body", members={"errors": errors}) from None
        return self.shown(call, network_id)


def _settings(body: CreateNetworkBody) -> Settings:
    return Settings(
        name=formed(body.name, None, as_name, "name"),
        description=body.description,
        api_access=body.api_access,
        accepts_new=body.accepts_new,
        detection=(body.detection or DetectionChange()).of(Detection()),
    )


def _change(body: EditNetworkBody, known: NetworkView) -> ChangeNetwork:
    name = body.name if body.name is UNSET else formed(body.name, known.name, as_name, "name")
    return ChangeNetwork(
        name=name,
        description=body.description,
        api_access=body.api_access,
        accepts_new=body.accepts_new,
        archived=body.archived,
        detection=body.detection,
    )


def _told(network: NetworkView) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(network)
    return body
