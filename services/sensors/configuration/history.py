"""History of a sensor's configuration: each change with who made it, from the sensor's stream, newest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.sensors.registry.configuration import Configuration
from services.sensors.registry.events import SensorConfigured, SensorDeleted, types
from shared.eventsourcing.event_store import StoredEvent
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.sql_event_store import SqlEventStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationChange:
    """`revision`: of the configuration after it. `changes`: by field, the value before and after."""

    revision: int
    at: datetime
    actor: str
    request_id: str | None
    changes: Mapping[str, tuple[Any, Any]]


class ConfigurationHistory:
    def __init__(self, store: SqlEventStore) -> None:
        self._store = store

    def of_sensor(self, sensor_id: str) -> list[ConfigurationChange]:
        """Newest first. Of a sensor that was registered again: since then."""
        with self._store.reading(once=True) as tx:
            rows = self._store.stream(tx, sensor_id)
        found: list[ConfigurationChange] = []
        before = Configuration()
        for row in rows:
            event = types.decode(row.type, row.schema_version, row.data)
            if isinstance(event, SensorDeleted):
                found, before = [], Configuration()
            elif isinstance(event, SensorConfigured):
                found.append(_change(row, event, before))
                before = event.configuration
        return found[::-1]


def _change(row: StoredEvent, event: SensorConfigured, before: Configuration) -> ConfigurationChange:
    origin = msgspec.json.decode(row.metadata, type=Origin)
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(event.configuration)
    return ConfigurationChange(
        revision=event.revision,
        at=event.configured_at,
        actor=origin.actor,
        request_id=origin.request_id,
        changes={name: (old[name], new[name]) for name in new if old[name] != new[name]},
    )
