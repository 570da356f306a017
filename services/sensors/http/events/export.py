"""HTTP resource of exports of seismic events: all that meet the filters, in one file, streamed."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from services.sensors.catalogue.queries import SeismicEventView
from services.sensors.catalogue.writing import csv_rows, kml, quakeml
from services.sensors.http.events.members import listed
from services.sensors.http.events.resources import EventParts
from services.sensors.http.events.schema import ExportEventsQuery, ExportEventsQuerySchema, SeismicEventExportSchema
from services.sensors.http.product_form import meta
from services.sensors.registry.visible import visible_to
from shared.web.operation import JSON, Answer, Call, operation

_AT_ONCE = 100
# By the name that a query gives it: what it is sent as, how it is written, and the end of a file's name.
_Write = Callable[[Iterable[SeismicEventView]], Iterator[bytes]]
_WRITERS: dict[str, tuple[str, _Write, str]] = {
    "csv": (csv_rows.CONTENT_TYPE, csv_rows.as_csv, "csv"),
    "quakeml": (quakeml.CONTENT_TYPE, quakeml.as_quakeml, "xml"),
    "kml": (kml.CONTENT_TYPE, kml.as_kml, "kml"),
}
_BY_MEDIA_TYPE = {type_.partition(";")[0]: name for name, (type_, _, _) in _WRITERS.items()}


class SeismicEventExport:
    def __init__(self, parts: EventParts) -> None:
        self._parts = parts

    @operation(
        "Export seismic events as JSON, CSV, QuakeML or KML: by `format`, or else by `Accept`",
        tag="Events",
        permission="events:read",
        query=ExportEventsQuerySchema,
        answers=SeismicEventExportSchema,
        alternatives=tuple(_BY_MEDIA_TYPE),
        name="exportEvents",
    )
    def on_get(self, call: Call[ExportEventsQuery, None]) -> Answer:
        events = self._parts.queries.all_events(visible_to(call.caller), call.query.wanted())
        wanted = call.query.format or _BY_MEDIA_TYPE.get(call.media_type, "json")
        if wanted == "json":
            return Answer(body=b"", stream=_as_json(events, meta(call)), content_type=JSON, headers=_named("json"))
        content_type, write, ending = _WRITERS[wanted]
        return Answer(body=b"", stream=write(events), content_type=content_type, headers=_named(ending))


def _named(ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="events.{ending}"'}


def _as_json(events: Iterable[SeismicEventView], meta: dict[str, str]) -> Iterator[bytes]:
    """As a page has them, but all of them."""
    pieces, before = [b'{"data":['], b""
    for number, event in enumerate(events, start=1):
        pieces += [before, msgspec.json.encode(listed(event))]
        before = b","
        if number % _AT_ONCE == 0:
            yield b"".join(pieces)
            pieces = []
    yield b"".join((*pieces, b'],"meta":', msgspec.json.encode(meta), b"}"))
