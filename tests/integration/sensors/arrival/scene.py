"""A sensor in a database of its own, its samples' store, and what arrives there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import insert

from services.sensors import assembly, tables
from services.sensors.accounting.account import Account
from services.sensors.arrival.device_arrival import DeviceArrival
from services.sensors.arrival.record import Record
from services.sensors.samples import Samples, open_samples
from services.sensors.store.waveform import Segment
from shared.runtime.clock import Clock, SystemClock
from shared.sql.database import Database
from tests.service_database import migrated

SENSOR_ID = "sen_0000000000000000000001"
DATABASE = "sensors.sqlite3"
ALL_TIME = (0, 4_000_000_000_000_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    database: Database
    samples: Samples
    arrival: DeviceArrival

    def take(self, records: Sequence[Record], *, parts: int = 1) -> Account:
        """In so many transactions; what waits at the end is decided."""
        account = Account()
        size = -(-len(records) // parts)
        for first in range(0, len(records), size):
            account += self.arrival.take(SENSOR_ID, records[first : first + size]).account
        return account + self.arrival.decide(SENSOR_ID)

    def segments(self, channel: str = "BNZ") -> list[Segment]:
        return self.samples.reader.segments(SENSOR_ID, *ALL_TIME, channel)

    def times_and_values(self, channel: str = "BNZ") -> tuple[list[int], list[int]]:
        """Of every sample that is served."""
        segments = self.segments(channel)
        times = [segment.time_ns(index) for segment in segments for index in range(segment.samples.size)]
        return times, [int(value) for segment in segments for value in segment.samples]


def register(database: Database, *sensor_ids: str) -> None:
    with database.transaction() as tx:
        for number, sensor_id in enumerate(sensor_ids):
            row = {"id": sensor_id, "organisation_id": "org_1", "network": "XX", "station": f"S{number}"}
            tx.execute(insert(tables.sensor).values(unit="mGal", name="sim", **row))


def scene(folder: Path, clock: Clock | None = None) -> Scene:
    here = opened(folder, clock)
    register(here.database, SENSOR_ID)
    return here


def opened(folder: Path, clock: Clock | None = None) -> Scene:
    """Of a folder in which one is, or without a sensor yet."""
    database, clock = Database.sqlite(folder / DATABASE), clock or SystemClock()
    migrated(database, assembly.MIGRATIONS)
    samples = open_samples(database, folder / "samples", clock)
    return Scene(database=database, samples=samples, arrival=DeviceArrival(database, samples.store, clock))


def record(device_seconds: float, cloud_seconds: float, values: Iterable[int], source: str = "test") -> Record:
    """On all three axes the same."""
    return Record(
        device_ns=round(device_seconds * 1000) * 1_000_000,
        cloud_ns=round(cloud_seconds * 1000) * 1_000_000,
        rate_hz=31.25,
        values=np.stack([np.array(list(values), dtype=np.int32)] * 3),
        source=source,
    )
