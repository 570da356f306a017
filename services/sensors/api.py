"""HTTP resources of the sensor data API, by path. The resources are in http/."""

from services.sensors.catalogue.history import EventHistory
from services.sensors.catalogue.queries import EventQueries
from services.sensors.http.events.export import SeismicEventExport
from services.sensors.http.events.resources import SeismicEventCollection, SeismicEventItem
from services.sensors.http.recording_resources import SensorData
from services.sensors.http.sensor_resources import SensorCollection, SensorItem
from services.sensors.registry.queries import SensorQueries
from services.sensors.store.reader import SampleReader
from shared.web.route import Route


def routes(
    queries: SensorQueries, reader: SampleReader, events: EventQueries, event_history: EventHistory
) -> list[Route]:
    return [
        Route("/v1/sensors", SensorCollection(queries)),
        Route("/v1/sensors/{sensor_id}", SensorItem(queries)),
        Route("/v1/sensors/{sensor_id}/data", SensorData(queries, reader)),
        Route("/v1/events", SeismicEventCollection(events)),
        Route("/v1/events/export", SeismicEventExport(events)),
        Route("/v1/events/{event_id}", SeismicEventItem(events, event_history)),
    ]
