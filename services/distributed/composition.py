"""Composition root of a service that runs apart: what its worker, web and internal door are made of.

Each process builds its part from the same assembly (beside this module, by the service's name), and starts only what
is its own (see supervisor.py).
"""

import contextlib
import importlib
import time
from typing import Any

import msgspec
import structlog

from services.distributed.feed_of_keys import or_over_rpc
from services.distributed.lifeline import at_end
from services.service_registry import SERVICES, Part, documented_routes
from shared.contracts.usage import Spent
from shared.gate.concurrency.slot_counters import SlotCounters
from shared.gate.gate_process import GateProcess, Hear, new_gate_id
from shared.gate.grants.remote_snapshot import RemoteSnapshot
from shared.gate.metering.meter import Meter
from shared.gate.quota.redis_counters import RedisCounters
from shared.messaging.broadcast_listener import Listener
from shared.messaging.broker_health import of_broker
from shared.messaging.entrypoints import queues_of
from shared.messaging.exchanges import broadcast_queue
from shared.messaging.publishing import EventPublisher, MeterBus
from shared.messaging.rpc.call import CallFailed, call
from shared.observability.at_scrape import Measure, build_info, database_up, disk_free
from shared.replication.feed import PAGE_EVENTS_MAX, FeedUnavailable
from shared.replication.http_feed import HttpFeed
from shared.replication.internal_client import InternalClient
from shared.runtime.clock import Clock, SystemClock
from shared.settings import Settings
from shared.values.accounts import SHARED
from shared.web.application import application
from shared.web.internal_api import internal_application
from shared.web.requests.client_address import TrustedProxies
from shared.web.requests.internal_callers import InternalCallers

RPC_SECONDS_MAX = 5.0
SPENT_SECONDS_MAX = 30.0
_log = structlog.get_logger(__name__)


def assemble(service: str, settings: Settings, clock: Clock) -> Part:
    """Migrates the service's database first."""
    if service not in SERVICES:
        raise ValueError(f"{service} is not a service; there are {', '.join(SERVICES)}")
    # Here and not above: all four assemblies take a second to read, and most processes need one.
    part: Part = importlib.import_module(f"services.distributed.{service}").assemble(settings, clock)
    return part


def web(service: str, settings: Settings) -> Any:
    """The WSGI app of one web process, its gate started. It ends with the process."""
    clock = SystemClock()
    part = assemble(service, settings, clock)
    part.start()
    gate = _gate(service, settings, clock)
    gate.start()
    proxies = TrustedProxies(settings.trusted_proxies)
    return application(
        service,
        part.routes(gate.replica, proxies),
        gate.gate,
        clock,
        public_url=settings.public_url,
        is_ready=part.is_ready,
        documented=documented_routes,
        proxies=proxies,
        cors_origins=settings.cors_origins,
    )


def internal_door(service: str, settings: Settings) -> Any:
    """The WSGI app of the internal door."""
    part = assemble(service, settings, SystemClock())
    routes, is_ready = part.internal_routes(), part.is_ready
    if any(account == SHARED for account, _ in settings.internal_tokens):
        _log.warning(
            "internal_token_shared",
            detail="One token opens every internal door. Give each service its own, and name all in INTERNAL_TOKENS.",
        )
    callers = InternalCallers(settings.internal_tokens)
    return internal_application(routes, is_ready=is_ready, callers=callers, measures=_measures(service, part, settings))


def _measures(service: str, part: Part, settings: Settings) -> list[Measure]:
    written = {"spool": settings.spool}
    if service == "sensors":
        written |= {"samples": settings.samples, "exports": settings.exports}
    queues = [queue for service_class in SERVICES[service].service_classes() for queue in queues_of(service_class)]
    return [
        build_info,
        disk_free(written),
        database_up(service, part.database.answers),
        of_broker(service, settings.amqp_uri, queues),
        *part.measures(),
    ]


def _gate(service: str, settings: Settings, clock: Clock) -> GateProcess:
    gate_id = new_gate_id()
    internal = InternalClient(settings.keys_internal_url, settings.internal_token)
    proof = settings.proof_keys
    door = HttpFeed(internal, clock, events_max=PAGE_EVENTS_MAX, verifier=proof.keys_verifier)
    bus = MeterBus(EventPublisher(settings.amqp_uri, "auth"))
    gate = GateProcess(
        gate_id=gate_id,
        feed=or_over_rpc(door, settings),
        snapshot=RemoteSnapshot(
            InternalClient(settings.auth_internal_url, settings.internal_token), proof.auth_verifier
        ),
        spent=lambda: _spent(settings),
        listen=lambda hear_keys, hear_counted: _listen(service, settings, hear_keys, hear_counted),
        meter=Meter(settings.spool, bus, clock),
        clock=clock,
        lease_seconds=settings.lease_seconds,
        counters=_counters(settings.redis_url, settings.lease_seconds),
        is_only_gate=False,
        guesses_per_minute=settings.guesses_per_minute,
        tell=bus.tell,
        keys_verifier=proof.keys_verifier,
    )

    def end() -> None:
        gate.stop()
        # If nobody hears it, a revocation waits for this gate's lease to end, and counts it out.
        with contextlib.suppress(FeedUnavailable):
            door.leave(gate_id)

    at_end(end)
    return gate


def _listen(service: str, settings: Settings, hear_keys: Hear, hear_counted: Hear) -> Listener:
    queues = {
        broadcast_queue(service, "keys"): hear_keys,
        broadcast_queue(service, "usage", "BatchesCounted"): hear_counted,
    }
    return Listener(settings.amqp_uri, queues, settings.accounts)


def _spent(settings: Settings) -> tuple[Spent, ...]:
    """Waits for usage, which may be starting too. Without it a gate would begin the day anew: that is said aloud."""
    deadline = time.monotonic() + SPENT_SECONDS_MAX
    while True:
        try:
            spent = call(settings.amqp_uri, "usage", "spent", seconds_max=RPC_SECONDS_MAX, accounts=settings.accounts)
            return msgspec.convert(spent, type=tuple[Spent, ...])
        except CallFailed as error:
            if time.monotonic() > deadline:
                _log.error("quota_starts_empty", detail=str(error))
                return ()
            time.sleep(0.25)


def _counters(redis_url: str | None, lease_seconds: float) -> tuple[RedisCounters, SlotCounters] | None:
    """Where all gates count together."""
    return None if redis_url is None else (RedisCounters(redis_url), SlotCounters(redis_url, lease_seconds))
