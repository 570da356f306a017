"""Publication: the public form of each event of the sensors service, which leaves out what others may not see."""

from typing import Any, assert_never

from services.sensors.catalogue import events as catalogue
from services.sensors.networks import events as networks
from services.sensors.registry import events
from shared.contracts import sensors as public

_OF_SOLUTION = (
    *("origin_time", "latitude", "longitude", "depth_km", "magnitude", "magnitude_type"),
    *("location_description", "status"),
)


def publish(
    event: events.SensorEvent | networks.NetworkEvent | catalogue.CatalogueEvent,
) -> public.SensorsEvent | None:
    """None: nothing of it is public."""
    match event:
        case events.SensorRegistered():
            return public.SensorRegistered(
                sensor_id=event.sensor_id,
                organisation_id=event.organisation_id,
                network=event.network,
                station=event.station,
                latitude=event.latitude,
                longitude=event.longitude,
                elevation_m=event.elevation_m,
                network_id=event.network_id,
            )
        case events.SensorMoved():
            return public.SensorMoved(
                sensor_id=event.sensor_id, organisation_id=event.organisation_id, network_id=event.network_id
            )
        case events.SensorLocated():
            return public.SensorLocated(
                sensor_id=event.sensor_id,
                organisation_id=event.organisation_id,
                latitude=event.latitude,
                longitude=event.longitude,
                elevation_m=event.elevation_m,
            )
        case events.SensorEpochStated():
            return public.SensorEpochStated(
                sensor_id=event.sensor_id,
                organisation_id=event.organisation_id,
                axis=event.axis,
                starts_at=event.starts_at,
                ends_at=event.ends_at,
            )
        case events.SensorConfigured():
            told = event.configuration
            return public.SensorConfigured(
                sensor_id=event.sensor_id,
                organisation_id=event.organisation_id,
                revision=event.revision,
                enabled=told.enabled,
                sample_rate_hz=told.sample_rate_hz,
                sensitivity=told.sensitivity,
            )
        case events.SensorDeleted():
            return public.SensorDeleted(sensor_id=event.sensor_id, organisation_id=event.organisation_id)
        case networks.NetworkCreated():
            return public.NetworkCreated(
                network_id=event.network_id, organisation_id=event.organisation_id, api_access=event.api_access
            )
        case networks.NetworkAccessChanged():
            return public.NetworkAccessChanged(
                network_id=event.network_id, organisation_id=event.organisation_id, api_access=event.api_access
            )
        case networks.NetworkArchived():
            return public.NetworkArchived(network_id=event.network_id, organisation_id=event.organisation_id)
        case networks.NetworkUnarchived():
            return public.NetworkUnarchived(network_id=event.network_id, organisation_id=event.organisation_id)
        case networks.NetworkDeleted():
            return public.NetworkDeleted(network_id=event.network_id, organisation_id=event.organisation_id)
        case networks.NetworkDescribed() | networks.NetworkDetectionChanged():
            return None
        case catalogue.CatalogueEventAdded():
            return public.CatalogueEventAdded(**_of_event(event), source=event.source)
        case catalogue.CatalogueEventRevised():
            return public.CatalogueEventRevised(**_of_event(event))
        case catalogue.CatalogueEventWithdrawn():
            return public.CatalogueEventWithdrawn(event_id=event.event_id, organisation_id=event.organisation_id)
        case _:
            assert_never(event)


def _of_event(event: catalogue.CatalogueEventAdded | catalogue.CatalogueEventRevised) -> dict[str, Any]:
    """As the product tells of an event, and whose it is."""
    told = {name: getattr(event.solution, name) for name in _OF_SOLUTION}
    return {"event_id": event.event_id, "organisation_id": event.organisation_id, "network_id": event.network_id} | told
