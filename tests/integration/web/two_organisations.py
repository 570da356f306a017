"""Two full organisations beside each other: keys, usage, rules, alerts, channels, networks, sensors and events."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from falcon import testing

from services.auth import assembly as auth_assembly
from services.sensors import assembly as sensors_assembly
from services.sensors.catalogue.reading import FoundEvent, ReadCatalogue
from services.sensors.catalogue.seismic_event import event_id
from services.sensors.catalogue.solution import Solution
from services.sensors.ingest.recording import ReadResult, Recording
from services.service_registry import documented_routes
from shared.gate.gate import Gate
from shared.gate.metering.meter import Meter
from shared.gate.quota.memory_quota import MemoryQuota
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from shared.web.application import NO_PROXIES, application
from shared.web.operation import Operation, operation_of
from tests.gate_examples import MemoryBus
from tests.integration.web.management import BOOTSTRAP, Management
from tests.integration.web.tiny import PUBLIC_URL
from tests.service_database import migrated
from tests.usage_examples import batch, record

METHODS = ("GET", "POST", "PATCH", "DELETE")
OPERATIONS: list[tuple[str, str, Operation]] = [
    (method, path, operation)
    for path, resource in documented_routes()
    for method in METHODS
    if path != "/v1/authorize" and (operation := operation_of(resource, method)) is not None
]
# Whatever is a list, or sums one: (path, query).
LISTS = [
    ("/v1/keys", {"limit": "100"}),
    ("/v1/organisation/activity", {"limit": "100"}),
    ("/v1/usage", {"step": "hour"}),
    ("/v1/usage", {"step": "day"}),
    ("/v1/alert-rules", {"limit": "100"}),
    ("/v1/alerts", {"limit": "100"}),
    ("/v1/channels", {"limit": "100"}),
    ("/v1/deliveries", {"limit": "100"}),
    ("/v1/networks", {"limit": "100"}),
    ("/v1/sensors", {"limit": "100"}),
    ("/v1/exports", {"limit": "100"}),
    ("/v1/events", {"limit": "100"}),
    ("/v1/events/export", {}),
]


# By name; what one's requests took would show in another's quantiles.
DURATION_US = {"alpha": 1_000, "omega": 1_000_000}


@dataclass
class Organisation:
    """`ids`: one of each kind, by the name that paths and queries give it. `own`: all of its ids and names, each its
    alone.
    """

    organisation_id: str
    admin: str
    ids: dict[str, str]
    own: set[str]


@dataclass
class World:
    api: Management
    auth: auth_assembly.Auth
    sensors: sensors_assembly.Sensors
    client: testing.TestClient
    first: Organisation
    second: Organisation

    def ask(self, who: Organisation, method: str, path: str, **parts: Any) -> testing.Result:
        return self.client.simulate_request(method, path, headers={"Authorization": f"Bearer {who.admin}"}, **parts)

    def state(self, who: Organisation) -> dict[str, Any]:
        """All that it sees of its own but what asking changes."""
        shown = [*LISTS, *((path.format(**who.ids), {}) for method, path, _ in OPERATIONS if _is_item(method, path))]
        told = {path: self.ask(who, "GET", path, params=query) for path, query in shown if "/usage" not in path}
        assert {answer.status_code for answer in told.values()} == {200}
        # Deliveries are tried meanwhile, which changes all of them but which there are.
        return {path: _ids(answer) if "deliveries" in path else _without_meta(answer) for path, answer in told.items()}


@contextmanager
def two_organisations(api: Management, folder: Path) -> Iterator[World]:
    """Two full ones beside each other, with sensors, too."""
    clock = SystemClock()
    database = migrated(Database.sqlite(folder / "sensors.db"), sensors_assembly.MIGRATIONS)
    sensors = sensors_assembly.assemble(database, api.bell, clock, folder / "samples")
    gate = Gate(api.replica, MemoryQuota(), Meter(folder / "spool-of-all", MemoryBus(), clock), clock)
    routes = [*api.routes, *sensors.routes(api.replica, NO_PROXIES)]
    app = application(
        "all", routes, gate, clock, public_url=PUBLIC_URL, is_ready=lambda: True, documented=documented_routes
    )
    client = testing.TestClient(app)
    admins = api.admin, api.another_organisation("premium")
    made = [_filled(api, client, sensors, name, admin) for name, admin in zip(DURATION_US, admins, strict=True)]
    book = migrated(Database.sqlite(folder / "auth-of-all.db"), auth_assembly.MIGRATIONS)
    auth = auth_assembly.assemble(book, api.keys.feed, clock)
    auth.subscription.pull()
    yield World(api, auth, sensors, client, *made)
    database.close()
    book.close()


def _without_meta(answer: testing.Result) -> Any:
    return {name: value for name, value in answer.json.items() if name != "meta"}


def invented(ids: dict[str, str]) -> dict[str, str]:
    """Ids of the same kinds that never were."""
    return {kind: re.sub(r"_.*", "_" + "0" * 22, id_) for kind, id_ in ids.items()}


def words_in(text: str) -> set[str]:
    return set(re.findall(r"[\w-]+", text))


def _filled(
    api: Management, client: testing.TestClient, sensors: sensors_assembly.Sensors, name: str, admin: str
) -> Organisation:
    def asked(method: str, path: str, **parts: Any) -> Any:
        answer = client.simulate_request(method, path, headers={"Authorization": f"Bearer {admin}"}, **parts)
        assert answer.status_code < 300, answer.text
        return answer.json

    organisation_id = asked("GET", "/v1/organisation")["id"]
    key, another = (
        asked(
            "POST",
            "/v1/keys",
            json={
                "name": f"{name}-key-{number}",
                "permissions": ["sensors:read"],
                "labels": {"of": name},
                "limits": {"minute": 10},
            },
        )
        for number in range(2)
    )
    api.usage.subscription.pull()
    now = datetime.now(UTC)
    used = [
        record(
            key_id=one["id"],
            organisation_id=organisation_id,
            at=now,
            user_agent=f"{name}-agent",
            duration_us=DURATION_US[name],
            request_id=f"{name}-r",
        )
        for one in (key, another)
        for _ in range(9)
    ]
    api.usage.metering.take_in(batch(*used, segment=name))
    channel = asked("POST", "/v1/channels", json={"kind": "webhook", "url": f"https://{name}-hook.example.org/"})
    rule = asked("POST", "/v1/alert-rules", json={"kind": "quota", "key_ids": [key["id"]]})
    delivery = asked("POST", f"/v1/channels/{channel['id']}/test")
    api.usage.evaluator.run()  # and nothing is sent: its receiver is nobody
    alert = asked("GET", "/v1/alerts")["data"][0]
    network = asked("POST", "/v1/networks", json={"name": f"{name}-network"})["data"]
    api.networks.known[organisation_id] = {network["id"]: f"{name}-network"}
    asked("PATCH", f"/v1/keys/{another['id']}", json={"networks": [network["id"]]})
    recording = Recording(
        network="XX",
        station=name.upper(),
        name=f"{name}-sensor",
        latitude=1.0,
        longitude=2.0,
        elevation_m=None,
        unit="counts",
        segments=(),
    )
    read = ReadResult(recordings=(recording,), lines_read=1, rejected=())
    imported = sensors.importer.store(read, organisation_id, BOOTSTRAP)
    (sensor_id,) = imported.sensor_ids
    asked_for = {"sensor_ids": [sensor_id], "start": "2026-01-01", "end": "2026-01-02", "format": "csv"}
    export = asked("POST", "/v1/exports", json=asked_for)["data"]
    solution = Solution(origin_time=now, latitude=1.0, longitude=2.0, location_description=f"{name}-place")
    told = FoundEvent(source=f"{name}-source", public_id="smi:all/1", solution=solution, said_at=None)
    sensors.catalogue_importer.store(
        ReadCatalogue(events=(told,), rejected=()), organisation_id, BOOTSTRAP, network["id"]
    )
    ids = {
        "key_id": key["id"],
        "rule_id": rule["id"],
        "alert_id": alert["id"],
        "channel_id": channel["id"],
        "delivery_id": delivery["id"],
        "network_id": network["id"],
        "sensor_id": sensor_id,
        "export_id": export["id"],
        "event_id": event_id(organisation_id, told.source, told.public_id),
        "organisation_id": organisation_id,
        "request_id": f"{name}-r",
    }
    names = {f"{name}-key-0", f"{name}-key-1", f"{name}-agent", f"{name}-r", f"{name}-hook", f"{name}-sensor"}
    names |= {f"{name}-network", f"{name}-place", f"{name}-source"}
    return Organisation(organisation_id, admin, ids, {*ids.values(), another["id"], *names})


def _is_item(method: str, path: str) -> bool:
    return method == "GET" and path.endswith("}")


def _ids(answer: testing.Result) -> set[str]:
    return {word for word in words_in(answer.text) if word.startswith("dlv_")}
