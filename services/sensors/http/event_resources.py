"""HTTP resource of seismic events. Always an empty list: nothing in this service knows of earthquakes yet."""

from services.sensors.http.event_schema import SeismicEventPageSchema
from services.sensors.http.product_form import Listed, NumberedPageQuery, NumberedPageQuerySchema, page
from shared.web.operation import Answer, Call, operation


class SeismicEventCollection:
    @operation(
        "List seismic events",
        tag="Events",
        permission="events:read",
        query=NumberedPageQuerySchema,
        answers=SeismicEventPageSchema,
    )
    def on_get(self, call: Call[NumberedPageQuery, None]) -> Answer:
        return page(call, Listed(items=(), place=None, total=0))
