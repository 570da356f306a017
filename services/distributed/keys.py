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
from shared.observability.at_scrape import build_info, exposed
from shared.runtime.clock import Clock, SystemClock
from shared.settings import Settings, operator_organisations
from shared.sql.database import Database
from shared.web.internal_api import internal_application
from shared.web.openapi.document import document
from shared.web.requests.client_address import TrustedProxies
from shared.web.requests.internal_callers import InternalCallers


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
    """The WSGI app of keys' console: pages for people. It has no gate; its commands go into the same log.

    And its `/metrics`, for who may ask internal doors for theirs: the receipts of its commands are measured here.
    """
    part = assemble(settings, SystemClock())
    part.start()
    pages = part.console(
        tiers=TIERS,
        usage=RemoteUsage(KeptCalls(settings.amqp_uri, settings.accounts, seconds_max=SECONDS_MAX)),
        sensors=RemoteSensors(settings.amqp_uri, settings.accounts),
        system=_watched(settings),
        document=document(documented_routes(), settings.public_url),
        public_url=settings.public_url,
        proxies=TrustedProxies(settings.trusted_proxies),
        openid=read_openid_settings(),
    )
    callers = InternalCallers(settings.internal_tokens)
    own = internal_application((), is_ready=lambda: True, callers=callers, measures=[build_info])

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        return (own if environ["PATH_INFO"] == "/metrics" else pages)(environ, start_response)

    return application


def _watched(settings: Settings) -> WatchedSystem:
    urls = {
        "keys": settings.keys_internal_url,
        "auth": settings.auth_internal_url,
        "usage": settings.usage_internal_url,
        "sensors": settings.sensors_internal_url,
    }
    others, own = RemoteMetrics(urls, settings.internal_token), exposed([build_info])
    return WatchedSystem(measured=lambda: others() | {"console": own().decode()}, operators=operator_organisations())
