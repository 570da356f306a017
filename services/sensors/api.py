"""HTTP resources of the sensor data API, by path. The resources are in http/."""

from services.sensors.http.configuration import configuration_resources
from services.sensors.http.configuration.configuration_resources import ConfigurationParts
from services.sensors.http.events import event_routes
from services.sensors.http.events.resources import EventParts
from services.sensors.http.networks import network_resources
from services.sensors.http.networks.network_resources import NetworkParts
from services.sensors.http.recording_resources import SensorData
from services.sensors.http.sensor_resources import SensorCollection, SensorItem
from services.sensors.registry.queries import SensorQueries
from services.sensors.store.reader import SampleReader
from shared.runtime.clock import Clock
from shared.web.route import Route
from shared.web.still_admitted import StillAdmitted


def routes(
    queries: SensorQueries,
    networks: NetworkParts,
    configuration: ConfigurationParts,
    events: EventParts,
    reader: SampleReader,
    clock: Clock,
    still: StillAdmitted,
) -> list[Route]:
    return [
        *configuration_resources.routes(queries, configuration, still),
        *network_resources.routes(networks, clock, still),
        Route("/v1/sensors", SensorCollection(queries)),
        Route("/v1/sensors/{sensor_id}", SensorItem(queries)),
        Route("/v1/sensors/{sensor_id}/data", SensorData(queries, reader)),
        *event_routes.routes(events),
    ]
