"""QuakeML 1.2 (basic event description) of seismic events: what was imported, in a form that imports as the same.

Kilometres become metres, distances degrees. Each event keeps the identifier that its source gave it.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from lxml import etree

from services.sensors.catalogue.circle import KM_PER_DEGREE
from services.sensors.catalogue.queries import SeismicEventView
from services.sensors.catalogue.solution import Solution, StationArrivals, Status
from services.sensors.catalogue.writing.xml_pieces import added, in_pieces
from shared.values.timestamps import rfc3339

CONTENT_TYPE = "application/xml"
_QUAKEML, _BED = "http://quakeml.org/xmlns/quakeml/1.2", "http://quakeml.org/xmlns/bed/1.2"
_NAMESPACES: dict[str | None, str] = {"q": _QUAKEML, None: _BED}
_CATALOGUE_ID = "smi:grillo/catalogue"


def as_quakeml(events: Iterable[SeismicEventView]) -> Iterator[bytes]:
    around = [(f"{{{_QUAKEML}}}quakeml", {}), (f"{{{_BED}}}eventParameters", {"publicID": _CATALOGUE_ID})]
    return in_pieces(around, _NAMESPACES, map(_event, events))


def _event(view: SeismicEventView) -> Any:
    told, public_id = view.solution, view.public_id
    event = etree.Element(f"{{{_BED}}}event", {"publicID": public_id}, nsmap=_NAMESPACES)
    added(event, "preferredOriginID", f"{public_id}/origin")
    if told.magnitude is not None:
        added(event, "preferredMagnitudeID", f"{public_id}/magnitude")
    if told.event_type is not None:
        added(event, "type", told.event_type)
    if told.location_description is not None:
        description = added(event, "description")
        added(description, "text", told.location_description)
        added(description, "type", "region name")
    if view.said_at is not None:
        added(added(event, "creationInfo"), "creationTime", rfc3339(view.said_at))
    _add_origin(event, told, public_id)
    if told.magnitude is not None:
        _add_magnitude(event, told, public_id)
    return event


def _add_origin(event: Any, told: Solution, public_id: str) -> None:
    origin = added(event, "origin", publicID=f"{public_id}/origin")
    _add_quantity(origin, "time", rfc3339(told.origin_time))
    _add_quantity(origin, "latitude", repr(told.latitude))
    _add_quantity(origin, "longitude", repr(told.longitude))
    if told.depth_km is not None:
        _add_quantity(origin, "depth", _metres(told.depth_km), _metres(told.depth_uncertainty_km))
    if told.horizontal_uncertainty_km is not None:
        uncertainty = added(origin, "originUncertainty")
        added(uncertainty, "horizontalUncertainty", _metres(told.horizontal_uncertainty_km))
    quality = {
        "usedStationCount": told.stations_used,
        "azimuthalGap": told.azimuthal_gap,
        "standardError": told.rms_residual,
    }
    if any(value is not None for value in quality.values()):
        told_quality = added(origin, "quality")
        for name, value in quality.items():
            if value is not None:
                added(told_quality, name, repr(value))
    if told.status is not None:
        added(origin, "evaluationMode", "automatic" if told.status is Status.AUTOMATIC else "manual")
    if told.status is Status.REVIEWED:
        added(origin, "evaluationStatus", "reviewed")
    for number, station in enumerate(told.stations):
        _add_arrivals(event, origin, station, f"{public_id}/{number}")


def _add_magnitude(event: Any, told: Solution, public_id: str) -> None:
    magnitude = added(event, "magnitude", publicID=f"{public_id}/magnitude")
    uncertainty = None if told.magnitude_uncertainty is None else repr(told.magnitude_uncertainty)
    _add_quantity(magnitude, "mag", repr(told.magnitude), uncertainty)
    if told.magnitude_type is not None:
        added(magnitude, "type", told.magnitude_type)
    added(magnitude, "originID", f"{public_id}/origin")


def _add_arrivals(event: Any, origin: Any, station: StationArrivals, id_: str) -> None:
    for phase, at in (("P", station.p_arrival), ("S", station.s_arrival)):
        if at is None:
            continue
        pick = added(event, "pick", publicID=f"{id_}-{phase}")
        _add_quantity(pick, "time", rfc3339(at))
        added(pick, "waveformID", networkCode=station.network_code, stationCode=station.station_code)
        arrival = added(origin, "arrival", publicID=f"{id_}-{phase}-arrival")
        added(arrival, "pickID", f"{id_}-{phase}")
        added(arrival, "phase", phase)
        if station.distance_km is not None:
            added(arrival, "distance", repr(station.distance_km / KM_PER_DEGREE))


def _add_quantity(parent: Any, name: str, value: str | None, uncertainty: str | None = None) -> None:
    quantity = added(parent, name)
    added(quantity, "value", value)
    if uncertainty is not None:
        added(quantity, "uncertainty", uncertainty)


def _metres(km: float | None) -> str | None:
    """By the digits, as they are read back."""
    return None if km is None else format(Decimal(repr(km)).scaleb(3), "f")
