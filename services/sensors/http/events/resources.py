"""HTTP resources of seismic events: the list, and one."""

from dataclasses import dataclass

from services.sensors.catalogue.history import EventHistory
from services.sensors.catalogue.queries import EventQueries
from services.sensors.http.events.members import detailed, listed
from services.sensors.http.events.schema import (
    ListEventsQuery,
    ListEventsQuerySchema,
    SeismicEventAnswerSchema,
    SeismicEventPageSchema,
)
from services.sensors.http.product_form import Listed, page, shown
from services.sensors.registry.visible import visible_to
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class EventParts:
    """What the resources of seismic events ask."""

    queries: EventQueries
    history: EventHistory


class SeismicEventCollection:
    def __init__(self, parts: EventParts) -> None:
        self._parts = parts

    @operation(
        "List seismic events, newest first",
        tag="Events",
        permission="events:read",
        query=ListEventsQuerySchema,
        answers=SeismicEventPageSchema,
    )
    def on_get(self, call: Call[ListEventsQuery, None]) -> Answer:
        query = call.query
        after = query.after(int, str)
        found = self._parts.queries.list_events(
            visible_to(call.caller), query.wanted(), query.limit, after, query.offset
        )
        return page(call, Listed(items=map(listed, found.events), place=found.place, total=found.total))


class SeismicEventItem:
    def __init__(self, parts: EventParts) -> None:
        self._parts = parts

    @operation(
        "Show a seismic event, and what its source said of it before",
        tag="Events",
        permission="events:read",
        answers=SeismicEventAnswerSchema,
        problems=("outside-organisation",),
    )
    def on_get(self, call: Call[None, None], event_id: str) -> Answer:
        visible = visible_to(call.caller)
        event = self._parts.queries.get_event(visible, event_id)
        if event is None:
            raise Problem("outside-organisation")
        told = detailed(event, self._parts.history.revisions(visible, event_id))
        return shown(call, told, revision=event.revision)
