"""The sensors service's whole HTTP API over a database and a folder of its own, with recordings made up for a test."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from falcon import testing

from services.sensors import assembly
from services.sensors.arrival.time_arrival import Timed
from services.sensors.assembly import Sensors
from services.sensors.exports.making.standing import AskStanding, nobody_to_ask
from services.sensors.ingest.recording import ReadResult, Recording
from services.sensors.store.even_times import NS
from shared.gate.gate import Gate
from shared.gate.grants.grant import Grant
from shared.gate.grants.replica import Replica
from shared.gate.metering.meter import Meter
from shared.gate.quota.memory_quota import MemoryQuota
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.web.application import NO_PROXIES, application
from tests.examples import ORIGIN, NoBus
from tests.gate_examples import NOW, ORGANISATION, MemoryBus, MemoryLog, grant, secret, snapshot_of
from tests.service_database import migrated

START_NS = 1_579_834_800 * NS
START, MINUTE_LATER, HOUR_LATER = "2020-01-24T03:00:00Z", "2020-01-24T03:01:00Z", "2020-01-24T04:00:00Z"
KEY, CHIEF, ELSEWHERE = 1, 2, 3
GRANTS: tuple[Grant, ...] = (
    grant(KEY),
    grant(CHIEF, permissions=frozenset({"admin"})),
    grant(ELSEWHERE, organisation_id="org_elsewhere"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    database: Database
    sensors: Sensors
    replica: Replica
    log: MemoryLog
    clock: ManualClock
    client: testing.TestClient
    bus: MemoryBus
    meter: Meter

    def ask(self, method: str, path: str, who: int = KEY, headers: dict[str, str] | None = None, **parts: Any) -> Any:
        told = {"Authorization": f"Bearer {secret(who)}", **(headers or {})}
        return self.client.simulate_request(method, path, headers=told, **parts)

    def get(self, path: str, who: int = KEY, headers: dict[str, str] | None = None, **query: Any) -> Any:
        return self.ask("GET", path, who, headers, params=query)

    def recorded(self, *segments: Timed, station: str = "AAA", organisation_id: str = ORGANISATION) -> str:
        """The sensor's id."""
        recording = Recording(
            network="XX",
            station=station,
            name=None,
            latitude=16.5,
            longitude=-98.5,
            elevation_m=10.0,
            unit="counts",
            segments=segments,
        )
        read = ReadResult(recordings=(recording,), lines_read=1, rejected=())
        return self.sensors.importer.store(read, organisation_id, ORIGIN).sensor_ids[0]


def scene(folder: Path, standing: AskStanding = nobody_to_ask) -> Scene:
    clock, bus = ManualClock(NOW), MemoryBus()
    database = migrated(Database.sqlite(folder / "sensors.sqlite3"), assembly.MIGRATIONS)
    sensors = assembly.assemble(database, NoBus(), clock, folder / "samples", standing=standing)
    log = MemoryLog(clock)
    known = snapshot_of(*GRANTS, tier="premium", place=log.genesis)
    snapshot = replace(known, tiers={one.organisation_id: "premium" for one in GRANTS})
    replica = Replica(gate="gate_1", feed=log, snapshot=lambda: snapshot, clock=clock, lease_seconds=300)
    replica.pull()
    meter = Meter(folder / "spool", bus, clock)
    gate = Gate(replica, MemoryQuota(), meter, clock)
    routes = sensors.routes(replica, NO_PROXIES)
    app = application("sensors", routes, gate, clock, public_url="https://api.example", is_ready=lambda: True)
    return Scene(
        database=database,
        sensors=sensors,
        replica=replica,
        log=log,
        clock=clock,
        client=testing.TestClient(app),
        bus=bus,
        meter=meter,
    )


def segment(
    first_second: float = 0, seconds: float = 60, *, axis: str = "00.HNZ", rate_hz: float = 100.0, value: int = 0
) -> Timed:
    """Samples that count up from `value`."""
    count = round(seconds * rate_hz)
    return Timed(
        axis=axis,
        start_ns=START_NS + round(first_second * NS),
        rate_hz=rate_hz,
        samples=np.arange(value, value + count, dtype=np.int32),
        source="made up",
    )
