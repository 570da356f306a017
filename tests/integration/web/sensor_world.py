"""Sensors behind the gate of one organisation, on SQLite, with a clock that is set: what the API shows of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from falcon import testing

from services.sensors import assembly as sensors_assembly
from services.sensors.arrival.record import Record
from services.sensors.ingest.recording import ReadResult, Recording
from shared.gate.gate import Gate
from shared.gate.metering.meter import Meter
from shared.gate.quota.memory_quota import MemoryQuota
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.web.application import NO_PROXIES, application
from tests.gate_examples import MemoryBus
from tests.integration.web.management import BOOTSTRAP, Management
from tests.integration.web.tiny import PUBLIC_URL
from tests.service_database import migrated


@dataclass
class SensorWorld:
    api: Management
    sensors: sensors_assembly.Sensors
    client: testing.TestClient

    def ask(self, method: str, path: str, *, key: str | None = None, **parts: Any) -> testing.Result:
        headers = {"Authorization": f"Bearer {key or self.api.admin}"} | parts.pop("headers", {})
        return self.client.simulate_request(method, path, headers=headers, **parts)

    def data(self, path: str, **query: Any) -> Any:
        answer = self.ask("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json["data"]

    def register(self, station: str, *records: Record, **facts: Any) -> str:
        """The sensor's id."""
        known = {"name": station, "latitude": None, "longitude": None, "elevation_m": None, "unit": "mGal"} | facts
        recording = Recording(network="XX", station=station, records=records, **known)
        read = ReadResult(recordings=(recording,), lines_read=1, rejected=())
        (sensor_id,) = self.sensors.importer.store(read, self.api.organisation_id, BOOTSTRAP).sensor_ids
        self.sensors.importer.decide([sensor_id])
        return sensor_id


@contextmanager
def sensor_world(api: Management, folder: Path, clock: Clock) -> Iterator[SensorWorld]:
    database = migrated(Database.sqlite(folder / "sensors.db"), sensors_assembly.MIGRATIONS)
    sensors = sensors_assembly.assemble(database, api.bell, clock, folder / "samples")
    gate = Gate(api.replica, MemoryQuota(), Meter(folder / "spool-of-sensors", MemoryBus(), clock), clock)
    routes = sensors.routes(api.replica, NO_PROXIES)
    app = application("sensors", routes, gate, clock, public_url=PUBLIC_URL, is_ready=lambda: True)
    yield SensorWorld(api, sensors, testing.TestClient(app))
    database.close()


def seconds_of_records(first_second: float, seconds: int, *, late: float = 0.5, rate_hz: float = 32.0) -> list[Record]:
    """One a second, each of a second, whose values rise; the last ends so many seconds after the first begins."""
    size = round(rate_hz)
    return [
        Record(
            device_ns=round((first_second + number) * 1e9),
            cloud_ns=round((first_second + number + late) * 1e9),
            rate_hz=rate_hz,
            values=np.stack([np.arange(number * size, (number + 1) * size, dtype=np.int32)] * 3),
            source="test",
        )
        for number in range(1, seconds + 1)
    ]
