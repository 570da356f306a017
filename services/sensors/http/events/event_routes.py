"""Routes of seismic events."""

from services.sensors.http.events.export import SeismicEventExport
from services.sensors.http.events.resources import EventParts, SeismicEventCollection, SeismicEventItem
from shared.web.route import Route


def routes(events: EventParts) -> list[Route]:
    return [
        Route("/v1/events", SeismicEventCollection(events)),
        Route("/v1/events/export", SeismicEventExport(events)),
        Route("/v1/events/{event_id}", SeismicEventItem(events)),
    ]
