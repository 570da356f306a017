"""HTTP resources of a sensor's configuration, and of its history."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from services.sensors.configuration.commands import ConfigurationCommands
from services.sensors.configuration.history import ConfigurationChange, ConfigurationHistory
from services.sensors.http.changes import fence_of, seen_of
from services.sensors.http.configuration.configuration_schema import (
    OFF_BELOW_ON,
    SHORT_BELOW_LONG,
    ConfigurationHistoryPageSchema,
    ConfigurationPatch,
    ConfigurationPatchSchema,
    SensorConfigurationAnswerSchema,
)
from services.sensors.http.product_form import Listed, NumberedPageQuery, NumberedPageQuerySchema, page, shown
from services.sensors.http.sensor_resources import visible_sensor
from services.sensors.registry.changes import SensorIsDeleted, TooManyEpochs
from services.sensors.registry.configuration import Configuration, Trigger
from services.sensors.registry.queries import SensorQueries
from services.sensors.registry.visible import visible_to
from shared.values.names import composed, visible
from shared.web.merge_patch.merging import merge_patch
from shared.web.merge_patch.read_only import check_fixed
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import Problem
from shared.web.requests.texts import formed
from shared.web.route import Route
from shared.web.still_admitted import StillAdmitted


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationParts:
    """What the resources of configurations are made of."""

    commands: ConfigurationCommands
    history: ConfigurationHistory


def routes(queries: SensorQueries, parts: ConfigurationParts, still: StillAdmitted) -> list[Route]:
    return [
        Route("/v1/sensors/{sensor_id}/config", SensorConfiguration(queries, parts, still)),
        Route("/v1/sensors/{sensor_id}/config/history", SensorConfigurationHistory(queries, parts)),
    ]


@dataclass(frozen=True, slots=True)
class _Named:
    sensor_id: str


class SensorConfiguration:
    def __init__(self, queries: SensorQueries, parts: ConfigurationParts, still: StillAdmitted) -> None:
        self._queries, self._parts, self._still = queries, parts, still

    @operation(
        "Show a sensor's configuration",
        tag="Sensors",
        permission="sensors:read",
        answers=SensorConfigurationAnswerSchema,
        problems=("outside-organisation",),
    )
    def on_get(self, call: Call[None, None], sensor_id: str) -> Answer:
        sensor = visible_sensor(self._queries, visible_to(call.caller), sensor_id)
        return _shown(call, sensor_id, sensor.configuration, sensor.revision)

    @operation(
        "Configure a sensor",
        tag="Sensors",
        permission="config:write",
        body=ConfigurationPatchSchema,
        answers=SensorConfigurationAnswerSchema,
        problems=("outside-organisation", "conflict"),
        conditional=True,
        example={"sample_rate_hz": 100, "trigger": {"on_ratio": 4}},
    )
    def on_patch(self, call: Call[None, ConfigurationPatch], sensor_id: str) -> Answer:
        patch = call.body
        visible_sensor(self._queries, visible_to(call.caller), sensor_id)
        check_fixed(patch.fixed, _Named(sensor_id))
        seen = seen_of(call, msgspec.UNSET if patch.revision is None else patch.revision)
        try:
            configuration, revision = self._parts.commands.configure(
                sensor_id,
                lambda before: _merged(before, patch.given),
                seen,
                call.origin,
                fence_of(self._still, call),
                is_located="location" in patch.given,
            )
        except SensorIsDeleted:
            raise Problem("outside-organisation") from None
        except TooManyEpochs as refusal:
            raise Problem("conflict", str(refusal)) from None
        return _shown(call, sensor_id, configuration, revision)


class SensorConfigurationHistory:
    def __init__(self, queries: SensorQueries, parts: ConfigurationParts) -> None:
        self._queries, self._parts = queries, parts

    @operation(
        "List the changes of a sensor's configuration, newest first",
        tag="Sensors",
        permission="sensors:read",
        query=NumberedPageQuerySchema,
        answers=ConfigurationHistoryPageSchema,
        problems=("outside-organisation",),
    )
    def on_get(self, call: Call[NumberedPageQuery, None], sensor_id: str) -> Answer:
        query = call.query
        visible_sensor(self._queries, visible_to(call.caller), sensor_id)
        changes = self._parts.history.of_sensor(sensor_id)
        (before,) = query.after(int) or (None,)
        left = [one for one in changes if before is None or one.revision < before][query.offset :]
        listed = left[: query.limit]
        place = (listed[-1].revision,) if len(left) > query.limit else None
        return page(call, Listed(items=map(_told, listed), place=place, total=len(changes)))


def _shown(call: Call[Any, Any], sensor_id: str, configuration: Configuration, revision: int) -> Answer:
    data = {"sensor_id": sensor_id, "revision": revision, **msgspec.to_builtins(configuration)}
    return shown(call, data, revision=revision)


def _told(change: ConfigurationChange) -> dict[str, Any]:
    changes = {name: {"old": old, "new": new} for name, (old, new) in change.changes.items()}
    return {
        "revision": change.revision,
        "at": change.at,
        "actor": change.actor,
        "request_id": change.request_id,
        "changes": changes,
    }


def _merged(before: Configuration, given: Mapping[str, Any]) -> Configuration:
    """What is unset is as it was at first. Raises Problem."""
    document = merge_patch(msgspec.to_builtins(before), given)
    known: dict[str, Any] = {name: value for name, value in document.items() if value is not None}
    for name, form in (("display_name", visible), ("description", composed)):
        if name in given and name in known:
            known[name] = formed(known[name], getattr(before, name), form, name).strip()
    location = known.get("location")
    if "location" in given and location is not None and "site_name" in location:
        site_name = None if before.location is None else before.location.site_name
        known["location"] |= {
            "site_name": formed(location["site_name"], site_name, visible, "location/site_name").strip()
        }
    after = msgspec.convert(known, Configuration)
    if after.trigger is not None:
        _check_trigger(after.trigger)
    return after


def _check_trigger(trigger: Trigger) -> None:
    errors = {}
    if trigger.off_ratio >= trigger.on_ratio:
        errors["/trigger/off_ratio"] = [OFF_BELOW_ON]
    if trigger.short_seconds >= trigger.long_seconds:
        errors["/trigger/short_seconds"] = [SHORT_BELOW_LONG]
    if errors:
        raise Problem("invalid-body", members={"errors": errors})
