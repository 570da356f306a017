"""All four services in one process: in-memory transport, SQLite files, eventlet's server. `grillo up` runs it.

The services, the gate and the web layer are the very ones that run apart; only what is put together here, and
how it is started and stopped, is this module's own. Import it before anything that makes threads.
"""

from shared.observability.at_scrape import build_info, disk_free, exposed

from shared.messaging.eventlet_patching import cooperate  # isort: skip

cooperate()

# ruff: noqa: E402  everything below must find sockets, locks and threads already patched
import socket
from collections.abc import Callable, Sequence
from typing import Any

import eventlet
from nameko.runners import ServiceRunner

from services.auth import assembly as auth
from services.auth.tier_limits import TIERS
from services.embedded.data_folder import DataFolder
from services.embedded.near_networks import NearNetworks
from services.embedded.server import Server, connection_limits, raise_file_limit, stop
from services.embedded.soundness.whole_check import WholeCheck
from services.keys import assembly as keys
from services.keys.console.app import beside
from services.keys.console.openid.settings import read_openid_settings
from services.keys.console.pages.system.system_state import WatchedSystem
from services.keys.console.remote_sensors import RemoteSensors
from services.keys.console.remote_usage import RemoteUsage
from services.sensors import assembly as sensors
from services.sensors.exports.making.standing import RemoteStanding
from services.service_registry import SERVICES, Part
from services.usage import assembly as usage
from services.usage.known_keys.keys_client import KeysClient
from services.usage.notifications.settings import read_delivery_settings
from services.usage.retention.retention import KEPT_DEFAULT, RetentionTimes
from shared.gate.authentication.guess_throttle import LIMIT_DEFAULT
from shared.gate.gate_process import GateProcess, Hear, new_gate_id
from shared.gate.grants.replica import LEASE_SECONDS_DEFAULT
from shared.gate.metering.meter import Meter
from shared.messaging import embedded_transport
from shared.messaging.broadcast_listener import Listener
from shared.messaging.entrypoints import COMPOSITION
from shared.messaging.exchanges import broadcast_queue
from shared.messaging.publishing import EventPublisher, ExportBus, LogBus, MeterBus
from shared.messaging.rpc.local_calls import LocalCalls
from shared.replication.heads.sent_elsewhere import Elsewhere
from shared.replication.proof.signatures import Verifier
from shared.runtime.clock import SystemClock
from shared.runtime.room import Room
from shared.values.accounts import SHARED
from shared.web.application import NO_PROXIES, application
from shared.web.internal_api import internal_application
from shared.web.openapi.document import document
from shared.web.requests.client_address import TrustedProxies
from shared.web.requests.internal_callers import InternalCallers, digest_of_token

# They tell nothing that another user of this machine may not know; to acknowledge or remove gates needs the token.
_OPEN_ON_LOOPBACK = ("/healthz", "/readyz", "/metrics")


class PortInUse(Exception):
    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is in use. Stop what listens there, or choose another with --port.")


class Embedded:
    """Everything, not yet started. `folder` is held by the caller."""

    def __init__(
        self,
        folder: DataFolder,
        *,
        lease_seconds: float = LEASE_SECONDS_DEFAULT,
        proxies: TrustedProxies = NO_PROXIES,
        cors_origins: Sequence[str] | None = None,
        guesses_per_minute: int = LIMIT_DEFAULT,
        kept: RetentionTimes = KEPT_DEFAULT,
        audit_heads: Elsewhere | None = None,
    ) -> None:
        embedded_transport.register()
        clock = SystemClock()
        bus = {service: EventPublisher(embedded_transport.URL, service) for service in ("keys", "auth", "usage")}
        sensors_bus = EventPublisher(embedded_transport.URL, "sensors")
        signer = folder.keys_signer()
        verifier = Verifier([signer.public_key])
        self.sensors = sensors.assemble(
            folder.database("sensors"),
            LogBus(sensors_bus),
            clock,
            folder.samples,
            signer=folder.sensors_signer(),
            elsewhere=audit_heads,
            exports_folder=folder.exports,
            standing=RemoteStanding(embedded_transport.URL).of_key,
            tell=ExportBus(sensors_bus).tell,
        )
        self.keys = keys.assemble(
            folder.database("keys"),
            LogBus(bus["keys"], signer),
            clock,
            lease_seconds=lease_seconds,
            signer=signer,
            elsewhere=audit_heads,
            networks=NearNetworks(self.sensors.networks.queries),
        )
        self.auth = auth.assemble(
            folder.database("auth"),
            self.keys.feed,
            clock,
            keys_verifier=verifier,
            sensors_head=self.sensors.signed_head,
        )
        self.usage = usage.assemble(
            folder.database("usage"),
            self.keys.feed,
            KeysClient(embedded_transport.URL),
            bus["usage"],
            clock,
            policy=TIERS,
            delivery=read_delivery_settings(folder.channel_secrets_key()),
            kept=kept,
            keys_verifier=verifier,
        )
        self._parts: tuple[Part, ...] = (self.keys, self.auth, self.usage, self.sensors)
        self._clock, self._proxies, self._cors_origins = clock, proxies, cors_origins
        self._callers = InternalCallers([(SHARED, digest_of_token(folder.internal_token()))])
        self.whole_check = WholeCheck(folder)
        self._gate_id, self._path = new_gate_id(), folder.path
        self._disk = Room(folder.path)
        gate_bus = MeterBus(bus["auth"])
        self._gate = GateProcess(
            gate_id=self._gate_id,
            feed=self.keys.feed,
            snapshot=self.auth.book.snapshot,
            spent=self.usage.statistics.spent,
            spent_on=self.usage.statistics.spent_on,
            listen=_listen,
            meter=Meter(folder.spool, gate_bus, clock, self._disk),
            clock=clock,
            lease_seconds=lease_seconds,
            guesses_per_minute=guesses_per_minute,
            tell=gate_bus.tell,
            keys_verifier=verifier,
        )
        self._runner = self._services()
        self._servers: list[Server] = []

    def start(self, public: socket.socket, internal: socket.socket, public_url: str, operator: str) -> None:
        """Serves on two sockets once gate and services are ready. `operator`: whose people see how all is."""
        for part in self._parts:
            part.start()
        self._runner.start()
        self.auth.following.catch_up()
        self.usage.following.catch_up()
        self._gate.start()
        routes = [route for part in self._parts for route in part.routes(self._gate.replica, self._proxies)]
        app = application(
            "embedded",
            routes,
            self._gate.gate,
            self._clock,
            public_url=public_url,
            is_ready=self._answers,
            is_writing=self._disk.has,
            proxies=self._proxies,
            cors_origins=self._cors_origins,
        )
        internal_routes = [*self.keys.internal_routes(), *self.auth.internal_routes()]
        measures = [build_info, disk_free({"data": self._path})]
        measures += [measure for part in self._parts for measure in part.measures()]
        door = internal_application(
            internal_routes,
            is_ready=self._answers,
            callers=self._callers,
            open_paths=_OPEN_ON_LOOPBACK,
            measures=measures,
        )
        figures = exposed(measures)
        console = self.keys.console(
            tiers=TIERS,
            usage=RemoteUsage(LocalCalls(SERVICES["usage"].service_classes(), self._provided())),
            sensors=RemoteSensors(embedded_transport.URL),
            system=WatchedSystem(measured=lambda: {"grillo": figures().decode()}, operators=(operator,)),
            document=document(routes, public_url),
            public_url=public_url,
            proxies=self._proxies,
            openid=read_openid_settings(),
        )
        public_max, internal_max = connection_limits(raise_file_limit())
        self._servers = [
            Server(public, beside(console, app), public_url=public_url, connections_max=public_max),
            Server(internal, door, public_url=public_url, connections_max=internal_max),
        ]

    def is_serving(self) -> bool:
        """Whether both doors still accept; if not, only a new process will."""
        return all(server.is_serving() for server in self._servers)

    def stop(self) -> None:
        """Lets requests finish, ships what is metered, gives the gate's place up, stops the services."""
        stop(self._servers)
        self.whole_check.stop()
        for part in self._parts:
            part.stop()
        self._gate.stop()
        self.keys.propagation.remove(self._gate_id)
        self._runner.stop()
        for part in self._parts:
            part.database.close()

    def _answers(self) -> bool:
        return self.whole_check.is_sound and all(part.is_ready() for part in self._parts)

    def _provided(self) -> dict[str, object]:
        """What services are made of."""
        provided: dict[str, object] = {"clock": self._clock}
        for part in self._parts:
            provided |= part.provided()
        return provided

    def _services(self) -> Any:
        runner = ServiceRunner({"AMQP_URI": embedded_transport.URL, COMPOSITION: self._provided()})
        for service in SERVICES.values():
            for service_class in service.service_classes():
                runner.add_service(service_class)
        return runner


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0: any free one. Raises PortInUse."""
    try:
        return eventlet.listen((host, port), reuse_port=False)  # type: ignore[no-any-return]  # eventlet is untyped
    except OSError as error:
        raise PortInUse(port) from error


def wait(is_over: Callable[[], bool], look: Callable[[], None]) -> None:
    """Gives the thread to everything else until `is_over`, which a signal handler may have set; now and then `look`."""
    while not is_over():
        look()
        eventlet.sleep(0.1)


def _listen(hear_keys: Hear, hear_counted: Hear) -> Listener:
    queues = {
        broadcast_queue("gate", "keys"): hear_keys,
        broadcast_queue("gate", "usage", "BatchesCounted"): hear_counted,
    }
    return Listener(embedded_transport.URL, queues)
