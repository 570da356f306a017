"""One event of QuakeML: its preferred origin and magnitude, in the units of the API. Metres become kilometres."""

import functools
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lxml import etree

from services.sensors.catalogue.reading import found
from services.sensors.catalogue.reading.arrivals import stations
from services.sensors.catalogue.reading.elements import children, local_name, text_of, value_of
from services.sensors.catalogue.reading.found import Unusable
from services.sensors.catalogue.solution import Solution, Status
from shared.values.names import NotAName, visible

_SCHEMA = "io/quakeml/data/QuakeML-BED-1.2.xsd"
_DEPTHS_M, _METRES = (-10_000.0, 1_000_000.0), (0.0, 1e9)
_COUNTS, _DEGREES, _RESIDUALS = (0.0, 1e6), (0.0, 360.0), (0.0, 1e6)
_DESCRIPTION_CHARACTERS_MAX = 200
# Which of an event's descriptions says best where it was.
_DESCRIPTIONS = ("region name", "Flinn-Engdahl region", "earthquake name", "nearest cities", None)
_CHECKED = {
    "evaluationMode": "EvaluationMode",
    "evaluationStatus": "EvaluationStatus",
    "depthType": "OriginDepthType",
    "typeCertainty": "EventTypeCertainty",
    ("event", "type"): "EventType",
    ("description", "type"): "EventDescriptionType",
}
_REVIEWED, _NOT_EXISTING, _REJECTED = ("confirmed", "reviewed", "final"), "not existing", "rejected"


def solution(event: Any, now: datetime) -> Solution | None:
    """None: the source says that it did not happen. Raises Unusable."""
    _check_words(event)
    origin = _preferred(event, "origin", "preferredOriginID")
    if value_of(event, "type") == _NOT_EXISTING or value_of(origin, "evaluationStatus") == _REJECTED:
        return None
    if origin is None:
        raise Unusable("origin: there is none")
    magnitude = _preferred(event, "magnitude", "preferredMagnitudeID")
    size = _number(magnitude, found.MAGNITUDES, "mag", "value")
    type_ = None if size is None else value_of(magnitude, "type")
    depth_km = _km(origin, _DEPTHS_M, "depth", "value")
    return Solution(
        origin_time=found.origin_time(_needed(origin, "time"), now),
        latitude=found.number(_needed(origin, "latitude"), "latitude", -90, 90),
        longitude=found.number(_needed(origin, "longitude"), "longitude", -180, 180),
        depth_km=depth_km,
        magnitude=size,
        magnitude_type=None if type_ is None else found.magnitude_type(type_),
        location_description=_description(event, origin),
        status=_status(origin),
        event_type=value_of(event, "type"),
        depth_uncertainty_km=None if depth_km is None else _estimated(_km(origin, _METRES, "depth", "uncertainty")),
        horizontal_uncertainty_km=_horizontal_uncertainty_km(origin),
        magnitude_uncertainty=None
        if size is None
        else _estimated(_number(magnitude, _RESIDUALS, "mag", "uncertainty")),
        stations_used=_whole(_number(origin, _COUNTS, "quality", "usedStationCount")),
        azimuthal_gap=_number(origin, _DEGREES, "quality", "azimuthalGap"),
        rms_residual=_estimated(_number(origin, _RESIDUALS, "quality", "standardError")),
        stations=stations(event, origin),
    )


def said_at(event: Any) -> datetime | None:
    """The latest creation of the event and what is preferred of it. Raises Unusable."""
    origin = _preferred(event, "origin", "preferredOriginID")
    parts = (event, origin, _preferred(event, "magnitude", "preferredMagnitudeID"))
    texts = [value_of(part, "creationInfo", "creationTime") for part in parts]
    return max((found.moment(text, "creationTime") for text in texts if text is not None), default=None)


@functools.cache
def _words() -> Mapping[Any, frozenset[str]]:
    """The standard's own words, by the schema that ObsPy ships; ObsPy itself, which takes a second, is not imported."""
    spec = find_spec("obspy")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("obspy")
    schema = etree.parse(Path(spec.origin).parent / _SCHEMA)
    values = "/xs:schema/xs:simpleType[@name=$name]/xs:restriction/xs:enumeration/@value"
    return {
        element: frozenset(schema.xpath(values, name=type_, namespaces={"xs": "http://www.w3.org/2001/XMLSchema"}))
        for element, type_ in _CHECKED.items()
    }


def _check_words(event: Any) -> None:
    """Raises Unusable, naming the first word that QuakeML does not have."""
    words = _words()
    for element in event.iter():
        name = local_name(element)
        allowed = words.get(name) or words.get((local_name(element.getparent()), name))
        text = None if allowed is None else text_of(element)
        if allowed is not None and text is not None and text not in allowed:
            raise Unusable(f"{name}: {text!r:.40} is no word of QuakeML")


def _preferred(event: Any, name: str, reference: str) -> Any:
    """The one that is referred to, or else the first; None: there is none."""
    wanted, first = value_of(event, reference), None
    for each in children(event, name):
        if each.get("publicID") == wanted:
            return each
        first = each if first is None else first
    return first


def _needed(origin: Any, name: str) -> str:
    text = value_of(origin, name, "value")
    if text is None:
        raise Unusable(f"{name}: not given")
    return text


def _number(part: Any, bounds: tuple[float, float], *names: str) -> float | None:
    text = value_of(part, *names)
    return None if text is None else found.number(text, names[-1] if names[-1] != "value" else names[0], *bounds)


def _estimated(value: float | None) -> float | None:
    """None for zero, by which agencies say that they estimated nothing: no measurement is exact."""
    return value or None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _km(part: Any, bounds: tuple[float, float], *names: str) -> float | None:
    """Of metres. By the digits, so that 10100 m are 10.1 km to the last of them."""
    text = value_of(part, *names)
    if text is None:
        return None
    found.number(text, names[0], *bounds)
    return float(Decimal(text).scaleb(-3)) + 0.0


def _horizontal_uncertainty_km(origin: Any) -> float | None:
    """That of the circle, or else the ellipse's longer half axis."""
    for name in ("horizontalUncertainty", "maxHorizontalUncertainty"):
        value = _estimated(_km(origin, _METRES, "originUncertainty", name))
        if value is not None:
            return value
    return None


def _status(origin: Any) -> Status | None:
    mode, status = value_of(origin, "evaluationMode"), value_of(origin, "evaluationStatus")
    if status in _REVIEWED or mode == "manual":
        return Status.REVIEWED
    return None if mode is None and status is None else Status.AUTOMATIC


def _description(event: Any, origin: Any) -> str | None:
    told: dict[str | None, str] = {}
    for each in children(event, "description"):
        if text := value_of(each, "text"):
            told.setdefault(value_of(each, "type"), text)
    texts: Iterable[str | None] = (*(told.get(type_) for type_ in _DESCRIPTIONS), value_of(origin, "region"))
    text = " ".join((next(filter(None, texts), None) or "").split())
    try:
        return visible(text[:_DESCRIPTION_CHARACTERS_MAX].strip()) or None
    except NotAName as fault:
        raise Unusable(f"description: {fault}") from None
