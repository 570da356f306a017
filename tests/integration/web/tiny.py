"""A whole web application, small: every part real but the bus and the log. Also what the servers under test serve."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import falcon
from falcon import testing
from marshmallow import fields, validate

from shared.gate.gate import Gate
from shared.gate.grants.grant import Grant, Limits, Snapshot, Status
from shared.gate.grants.replica import Replica
from shared.gate.metering.meter import Meter
from shared.gate.quota.memory_quota import MemoryQuota
from shared.runtime.clock import Clock, ManualClock, SystemClock
from shared.values.ip_addresses import network
from shared.web.admission import Wsgi
from shared.web.application import application
from shared.web.operation import Answer, Call, StrictSchema, operation
from shared.web.requests.client_address import TrustedProxies
from shared.web.route import Route
from tests.gate_examples import NOW, POLICY, SECRET, MemoryBus, MemoryLog, grant, secret, snapshot_of

PROXIES = TrustedProxies([network("10.0.0.0/8")])
PUBLIC_URL = "https://api.example"
KEYS = {
    name: secret(number)
    for number, name in enumerate(
        (
            "reader",  # which is SECRET
            "writer",
            "revoked",
            "expired",
            "elsewhere",
            "header only",
            "parked",
            "small",
            "untiered",
            "loopback",
            "small admin",
            "chief",
            "scoped",
        ),
        start=1,
    )
}
WRITER = {"permissions": frozenset({"sensors:read", "config:write"})}


class ThingSchema(StrictSchema):
    name = fields.String(required=True, validate=validate.Length(max=20))
    size = fields.Integer(strict=True)
    inner = fields.Nested(lambda: InnerSchema())
    many = fields.List(fields.Nested(lambda: InnerSchema()))


class InnerSchema(StrictSchema):
    depth = fields.Float(required=True)


class ThingQuerySchema(StrictSchema):
    limit = fields.Integer(validate=validate.Range(min=1))
    network_id = fields.String()
    from_ = fields.AwareDateTime(format="iso", data_key="from")


class AnswerSchema(StrictSchema):
    body = fields.Raw()
    query = fields.Raw()


class Things:
    @operation("List things", tag="Things", permission="sensors:read", query=ThingQuerySchema, answers=AnswerSchema)
    def on_get(self, call: Call[Any, None]) -> Answer:
        return Answer(body={"query": call.query, "caller": call.caller.key_id, "request_id": call.request_id})

    @operation(
        "Make a thing",
        tag="Things",
        permission="config:write",
        body=ThingSchema,
        answers=AnswerSchema,
        status=201,
    )
    def on_post(self, call: Call[None, Any]) -> Answer:
        return Answer(status=201, body={"body": call.body}, headers={"Cache-Control": "no-store"})


class Thing:
    error: Exception = RuntimeError(f"broken while {SECRET} was at hand, at /secret/path, in SELECT 1")

    @operation("Show a thing", tag="Things", permission=None, answers=AnswerSchema)
    def on_get(self, call: Call[None, None], thing_id: str) -> Answer:
        return Answer(body={"thing": thing_id}, network_id=thing_id.removeprefix("of-") if "of-" in thing_id else None)

    @operation("Break a thing", tag="Things", permission="sensors:read", answers=AnswerSchema)
    def on_delete(self, call: Call[None, None], thing_id: str) -> Answer:
        raise self.error


class Managed:
    @operation("Manage things", tag="Things", permission="admin", answers=AnswerSchema)
    def on_get(self, call: Call[None, None]) -> Answer:
        return Answer(body={})


class Network:
    @operation("Show a network", tag="Things", permission="sensors:read", answers=AnswerSchema)
    def on_get(self, call: Call[None, None], network_id: str) -> Answer:
        return Answer(body={"network": network_id})


class Open:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"open": True}


@dataclass
class Tiny:
    app: Wsgi
    gate: Gate
    replica: Replica
    meter: Meter
    bus: MemoryBus
    clock: ManualClock

    @property
    def client(self) -> testing.TestClient:
        return testing.TestClient(self.app)

    def recorded(self) -> list[list[Any]]:
        """Every request record so far, as the meter ships it."""
        self.meter.ship()
        return [record for batch in self.bus.batches for record in batch["records"]]


def tiny(folder: Path, cors_origins: Sequence[str] | None = None, *, policy: Mapping[str, Limits] = POLICY) -> Tiny:
    clock, bus = ManualClock(NOW), MemoryBus()
    gate, meter = _gate(folder, bus, clock, policy)
    return Tiny(_application(gate, clock, cors_origins), gate, gate.replica, meter, bus, clock)


def served() -> Any:
    """The application that a server process is told to serve: its clock runs, its lease outlives the test."""
    clock = SystemClock()
    gate, _ = _gate(Path(tempfile.mkdtemp(dir=os.environ["TINY_FOLDER"])), MemoryBus(), clock)
    return _application(gate, clock)


def _gate(folder: Path, bus: MemoryBus, clock: Clock, policy: Mapping[str, Limits] = POLICY) -> tuple[Gate, Meter]:
    log = MemoryLog(clock)
    snapshot = Snapshot(
        place=log.genesis,
        grants=_grants(clock.now()),
        tiers=snapshot_of().tiers,
        policy=policy,
        unappliable=("key_7",),
    )
    replica = Replica(gate="gate_1", feed=log, snapshot=lambda: snapshot, clock=clock, lease_seconds=300)
    replica.pull()
    meter = Meter(folder, bus, clock)
    return Gate(replica, MemoryQuota(), meter, clock), meter


def _grants(now: datetime) -> tuple[Grant, ...]:
    return (
        grant(1),
        grant(2, **WRITER),
        grant(3, status=Status.REVOKED),
        grant(4, expires_at=now - timedelta(days=1)),
        grant(5, allowed_addresses=("198.51.100.0/24", "2001:db8::/32")),
        grant(6, allow_query=False),
        grant(7),
        grant(8, minute_limit=2, day_limit=3),
        grant(9, organisation_id="org_without_a_tier"),
        grant(10, allowed_addresses=("127.0.0.0/8",)),
        grant(11, permissions=frozenset({"admin"}), minute_limit=1),
        grant(12, permissions=frozenset({"admin"})),
        grant(13, networks=frozenset({"net_1"}), permissions=frozenset({"sensors:read", "events:read"})),
    )


def _application(gate: Gate, clock: Clock, cors_origins: Sequence[str] | None = None) -> Wsgi:
    routes = [
        Route("/v1/things", Things()),
        Route("/v1/things/{thing_id}", Thing()),
        Route("/open", Open()),
        Route("/v1/managed", Managed()),
        Route("/v1/networks/{network_id}", Network()),
    ]
    return application(
        "tiny",
        routes,
        gate,
        clock,
        public_url=PUBLIC_URL,
        is_ready=lambda: True,
        proxies=PROXIES,
        cors_origins=cors_origins,
    )
