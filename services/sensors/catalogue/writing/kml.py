"""KML 2.2 (OGC) of seismic events, for globes and maps: a placemark each, at its epicentre, with its time and data."""

from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree

from services.sensors.catalogue.queries import SeismicEventView
from services.sensors.catalogue.writing.xml_pieces import added, in_pieces
from shared.values.timestamps import rfc3339

CONTENT_TYPE = "application/vnd.google-earth.kml+xml"
_KML = "http://www.opengis.net/kml/2.2"
_NAMESPACES: dict[str | None, str] = {None: _KML}


def as_kml(events: Iterable[SeismicEventView]) -> Iterator[bytes]:
    return in_pieces([(f"{{{_KML}}}kml", {}), (f"{{{_KML}}}Document", {})], _NAMESPACES, map(_placemark, events))


def _placemark(view: SeismicEventView) -> Any:
    """The schema wants its parts in this order. Depth is data: a point below the ground would not be seen."""
    told = view.solution
    placemark = etree.Element(f"{{{_KML}}}Placemark", {"id": view.id}, nsmap=_NAMESPACES)
    added(placemark, "name", _name(view))
    added(added(placemark, "TimeStamp"), "when", rfc3339(told.origin_time))
    data = added(placemark, "ExtendedData")
    values = {
        "event_id": view.id,
        "depth_km": told.depth_km,
        "magnitude": told.magnitude,
        "magnitude_type": told.magnitude_type,
        "status": told.status,
        "source": view.source,
    }
    for name, value in values.items():
        if value is not None:
            added(added(data, "Data", name=name), "value", value)
    added(added(placemark, "Point"), "coordinates", f"{told.longitude!r},{told.latitude!r}")
    return placemark


def _name(view: SeismicEventView) -> str:
    told = view.solution
    size = "" if told.magnitude is None else f"{told.magnitude_type or 'M'} {told.magnitude:g}"
    return " ".join(filter(None, (size, told.location_description))) or rfc3339(told.origin_time)
