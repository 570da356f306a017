"""HTTP resources of the sensor data API, by path. The resources are in http/ and in the rooms of what they show."""

from dataclasses import dataclass

from services.sensors.exports.exports import Exports
from services.sensors.exports.http import export_routes
from services.sensors.health.details import DetailQueries
from services.sensors.http.configuration import configuration_resources
from services.sensors.http.configuration.configuration_resources import ConfigurationParts
from services.sensors.http.events import event_routes
from services.sensors.http.events.resources import EventParts
from services.sensors.http.networks import network_resources
from services.sensors.http.networks.network_resources import NetworkParts
from services.sensors.http.recent_pages import RecentPages
from services.sensors.http.sensor_resources import SensorCollection, SensorItem
from services.sensors.recordings.availability import Availability
from services.sensors.recordings.http.availability_resource import SensorAvailability
from services.sensors.recordings.http.batch_resource import SensorBatch
from services.sensors.recordings.http.data_resource import SensorData
from services.sensors.recordings.reading import RecordingReader
from services.sensors.registry.queries import SensorQueries
from shared.runtime.clock import Clock
from shared.web.route import Route
from shared.web.still_admitted import StillAdmitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the resources are made of."""

    queries: SensorQueries
    details: DetailQueries
    pages: RecentPages
    networks: NetworkParts
    configuration: ConfigurationParts
    recordings: RecordingReader
    availability: Availability
    exports: Exports
    events: EventParts


def routes(parts: Parts, clock: Clock, still: StillAdmitted) -> list[Route]:
    queries = parts.queries
    return [
        *configuration_resources.routes(queries, parts.configuration, still),
        *network_resources.routes(parts.networks, clock, still),
        Route("/v1/sensors", SensorCollection(queries, parts.pages)),
        Route("/v1/sensors/{sensor_id}", SensorItem(queries, parts.details)),
        Route("/v1/sensors/{sensor_id}/data", SensorData(queries, parts.recordings)),
        Route("/v1/sensors/{sensor_id}/availability", SensorAvailability(queries, parts.availability)),
        Route("/v1/sensors/batch", SensorBatch(queries, parts.recordings)),
        *export_routes.routes(queries, parts.exports, still),
        *event_routes.routes(parts.events),
    ]
