"""Seismic events in the words of the API."""

from typing import Any

import msgspec

from services.sensors.catalogue.history import Revision
from services.sensors.catalogue.queries import SeismicEventView
from services.sensors.catalogue.solution import StationArrivals

_LISTED = (
    *("origin_time", "latitude", "longitude", "depth_km", "magnitude", "magnitude_type"),
    *("location_description", "status", "event_type"),
)
_UNCERTAINTIES = ("depth_uncertainty_km", "horizontal_uncertainty_km", "magnitude_uncertainty")
_QUALITY = ("stations_used", "azimuthal_gap", "rms_residual")


def listed(event: SeismicEventView) -> dict[str, Any]:
    told = {name: getattr(event.solution, name) for name in _LISTED}
    return {"id": event.id, **told, "network_id": event.network_id, "source": event.source}


def detailed(event: SeismicEventView, revisions: tuple[Revision, ...]) -> dict[str, Any]:
    told = event.solution
    return {
        **listed(event),
        "public_id": event.public_id,
        **{name: getattr(told, name) for name in _UNCERTAINTIES},
        "quality": {name: getattr(told, name) for name in _QUALITY},
        "stations": [_station(each) for each in told.stations],
        "created_at": event.created_at,
        "revision": event.revision,
        "revisions": [_revision(each) for each in revisions],
    }


def _station(each: StationArrivals) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(each)
    del told["network_code"]
    return told


def _revision(each: Revision) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(each)
    told["withdrawn"] = told.pop("is_withdrawn")
    return told
