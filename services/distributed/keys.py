"""Keys, and its console, as they run apart."""

from typing import Any

from services.auth.tier_limits import TIERS
from services.keys import assembly
from services.keys.console.openid.settings import read_openid_settings
from services.keys.console.pages.system.system_state import WatchedSystem
from services.keys.console.remote_metrics import RemoteMetrics
from services.keys.console.remote_sensors import RemoteSensors
from services.keys.console.remote_usage import SECONDS_MAX, RemoteUsage
from services.keys.rpc.networks_client import NetworksClient
from services.service_registry import documented_routes
from shared.messaging.pipelined_publishing import PipelinedLogBus
from shared.messaging.rpc.kept_calls import KeptCalls
from shared.runtime.clock import Clock, SystemClock
from shared.settings import Settings, operator_organisations
from shared.sql.database import Database
from shared.web.openapi.document import document
from shared.web.requests.client_address import TrustedProxies


def assemble(settings: Settings, clock: Clock) -> assembly.Keys:
    signer = settings.proof_keys.keys_signer
    return assembly.assemble(
        Database(settings.database_url),
        PipelinedLogBus(settings.amqp_uri, "keys", signer),
        clock,
        lease_seconds=settings.lease_seconds,
        gates_max=settings.gates_max,
        signer=signer,
        elsewhere=settings.audit_heads,
        networks=NetworksClient(settings.amqp_uri, settings.accounts),
    )


def console(settings: Settings) -> Any:
    """The WSGI app of keys' console: pages for people. It has no gate; its commands go into the same log."""
    part = assemble(settings, SystemClock())
    part.start()
    return part.console(
        tiers=TIERS,
        usage=RemoteUsage(KeptCalls(settings.amqp_uri, settings.accounts, seconds_max=SECONDS_MAX)),
        sensors=RemoteSensors(settings.amqp_uri, settings.accounts),
        system=_watched(settings),
        document=document(documented_routes(), settings.public_url),
        public_url=settings.public_url,
        proxies=TrustedProxies(settings.trusted_proxies),
        openid=read_openid_settings(),
    )


def _watched(settings: Settings) -> WatchedSystem:
    urls = {
        "keys": settings.keys_internal_url,
        "auth": settings.auth_internal_url,
        "usage": settings.usage_internal_url,
        "sensors": settings.sensors_internal_url,
    }
    return WatchedSystem(measured=RemoteMetrics(urls, settings.internal_token), operators=operator_organisations())
