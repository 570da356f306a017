"""HTTP resources of sensors: the list, and one."""

from typing import Any

from services.sensors.health.details import DetailQueries
from services.sensors.http.product_form import EncodedPage, Listed, encoded, encoded_page, shown
from services.sensors.http.recent_pages import RecentPages
from services.sensors.http.sensor_details import SensorAnswerSchema, detailed
from services.sensors.http.sensor_schema import ListSensorsQuery, ListSensorsQuerySchema, SensorPageSchema
from services.sensors.registry.queries import SensorQueries, SensorView
from services.sensors.registry.visible import Visible, visible_to
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import Problem


class SensorCollection:
    def __init__(self, queries: SensorQueries, pages: RecentPages) -> None:
        self._queries, self._pages = queries, pages

    @operation(
        "List sensors", tag="Sensors", permission="sensors:read", query=ListSensorsQuerySchema, answers=SensorPageSchema
    )
    def on_get(self, call: Call[ListSensorsQuery, None]) -> Answer:
        query, visible = call.query, visible_to(call.caller)

        def read() -> EncodedPage:
            (after,) = query.after(str) or ("",)
            filters = query.bbox, query.offset, query.network_id, query.status
            found = self._queries.list_sensors(visible, query.limit, after, *filters)
            place = (found.next_after,) if found.next_after else None
            return encoded(query, Listed(items=map(_shown, found.sensors), place=place, total=found.total))

        return encoded_page(call, self._pages.get((visible, query), read))


class SensorItem:
    def __init__(self, queries: SensorQueries, details: DetailQueries) -> None:
        self._queries, self._details = queries, details

    @operation(
        "Show a sensor",
        tag="Sensors",
        permission="sensors:read",
        answers=SensorAnswerSchema,
        problems=("outside-organisation",),
    )
    def on_get(self, call: Call[None, None], sensor_id: str) -> Answer:
        sensor = visible_sensor(self._queries, visible_to(call.caller), sensor_id)
        told = _shown(sensor) | detailed(sensor, self._details.of_sensor(sensor_id))
        return shown(call, told, revision=sensor.revision)


def visible_sensor(queries: SensorQueries, visible: Visible, sensor_id: str) -> SensorView:
    """Raises Problem, the same whether the sensor is another's or is nowhere."""
    sensor = queries.get_sensor(visible, sensor_id)
    if sensor is None:
        raise Problem("outside-organisation")
    return sensor


def _shown(sensor: SensorView) -> dict[str, Any]:
    place = sensor.location
    return {
        "id": sensor.id,
        "name": sensor.name,
        "serial_number": sensor.serial_number,
        "type": sensor.device_type,
        "network_code": sensor.network,
        "station_code": sensor.station,
        "network_id": sensor.network_id,
        "location_code": _only({channel.location_code for channel in sensor.channels}),
        "location": None
        if place is None
        else {
            "latitude": place.latitude,
            "longitude": place.longitude,
            "elevation": place.elevation_m,
            "site_name": sensor.site_name,
        },
        "status": sensor.status,
        "last_seen": sensor.last_sample_at,
        "last_sample_at": sensor.last_sample_at,
        "firmware_version": sensor.firmware_version,
        "created_at": sensor.created_at,
        "channels": sensor.channels,
        "configuration": sensor.configuration,
        "revision": sensor.revision,
    }


def _only(codes: set[str]) -> str | None:
    """The one that there is; None where there are several, or none."""
    return next(iter(codes)) if len(codes) == 1 else None
