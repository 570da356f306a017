"""Routes of seismic events, and the parts that their resources ask."""

from dataclasses import dataclass

from services.sensors.catalogue.history import EventHistory
from services.sensors.catalogue.queries import EventQueries
from services.sensors.http.events.export import SeismicEventExport
from services.sensors.http.events.resources import SeismicEventCollection, SeismicEventItem
from shared.web.route import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class EventParts:
    queries: EventQueries
    history: EventHistory


def routes(events: EventParts) -> list[Route]:
    return [
        Route("/v1/events", SeismicEventCollection(events.queries)),
        Route("/v1/events/export", SeismicEventExport(events.queries)),
        Route("/v1/events/{event_id}", SeismicEventItem(events.queries, events.history)),
    ]
