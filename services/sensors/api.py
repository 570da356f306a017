"""HTTP resources of the sensor data API, by path. The resources are in http/."""

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


def routes(
    queries: SensorQueries,
    networks: NetworkParts,
    configuration: ConfigurationParts,
    events: EventParts,
    details: DetailQueries,
    pages: RecentPages,
    recordings: RecordingReader,
    availability: Availability,
    exports: Exports,
    clock: Clock,
    still: StillAdmitted,
) -> list[Route]:
    return [
        *configuration_resources.routes(queries, configuration, still),
        *network_resources.routes(networks, clock, still),
        Route("/v1/sensors", SensorCollection(queries, pages)),
        Route("/v1/sensors/{sensor_id}", SensorItem(queries, details)),
        Route("/v1/sensors/{sensor_id}/data", SensorData(queries, recordings)),
        Route("/v1/sensors/{sensor_id}/availability", SensorAvailability(queries, availability)),
        Route("/v1/sensors/batch", SensorBatch(queries, recordings)),
        *export_routes.routes(queries, exports, still),
        *event_routes.routes(events),
    ]
