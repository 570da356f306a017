"""The nameko service of sensors: remote procedures and timers."""

from services.sensors.arrival.device_arrival import DeviceArrival
from services.sensors.exports.making.maker import ExportMaker
from services.sensors.exports.telling import ExportTelling
from services.sensors.health.measuring import HealthMeasuring
from services.sensors.live.receiver import Receiver
from services.sensors.networks.network import ChangeNetwork, NoSuchNetwork
from services.sensors.networks.queries import NetworkNames, NetworkQueries, NetworkView
from services.sensors.networks.remote_commands import Asker, RemoteNetworks
from services.sensors.overview.overview import NetworkStates, Overview, SensorStates
from services.sensors.registry.queries import SensorPage, SensorQueries
from services.sensors.registry.visible import Visible
from services.sensors.rpc_schemas import (
    ChangedNetworkAnswer,
    ChangeNetworkArguments,
    CreateNetworkArguments,
    DeleteNetworkArguments,
    ListSensorsArguments,
    NetworksAnswer,
    NetworksOfArguments,
    NetworkStatesAnswer,
    NetworkStatesArguments,
    SensorPageAnswer,
    SensorStatesAnswer,
    SensorStatesArguments,
)
from services.sensors.samples import Samples
from shared.contracts.errors import NotFound
from shared.messaging.entrypoints import Provided, Sender, timer
from shared.messaging.readings.entrypoint import receives
from shared.messaging.readings.reading import Reading
from shared.messaging.rpc.procedures import procedure
from shared.replication.heads.sent_elsewhere import SEND_SECONDS, SentElsewhere
from shared.replication.relay import Relay
from shared.sql.clocks.clock_watch import WATCH_SECONDS, ClockWatch

RELAY_SECONDS = 1
SEAL_SECONDS = 10
DECIDE_SECONDS = 10
MEASURE_SECONDS = 60
SWEEP_SECONDS = 600
EXPORT_SECONDS = 2
EXPORT_SWEEP_SECONDS = 60


class SensorsService:
    name = "sensors"

    queries: SensorQueries = Provided("sensors.queries")
    networks: NetworkQueries = Provided("sensors.networks")
    network_commands: RemoteNetworks = Provided("sensors.network_commands")
    overview: Overview = Provided("sensors.overview")
    relay: Relay = Provided("sensors.relay")
    receiver: Receiver = Provided("sensors.receiver")
    sent_heads: SentElsewhere = Provided("sensors.sent_heads")
    samples: Samples = Provided("sensors.samples")
    arrival: DeviceArrival = Provided("sensors.arrival")
    health: HealthMeasuring = Provided("sensors.health")
    exports: ExportMaker = Provided("sensors.exports")
    export_telling: ExportTelling = Provided("sensors.export_telling")
    clock_watch: ClockWatch = Provided("sensors.clock_watch")
    sender: str | None = Sender()

    @procedure(ListSensorsArguments(), SensorPageAnswer())
    def list_sensors(self, organisation_id: str, limit: int = 20, after: str = "") -> SensorPage:
        return self.queries.list_sensors(Visible(organisation_id=organisation_id), limit, after)

    @procedure(NetworksOfArguments(), NetworksAnswer())
    def networks_of(self, organisation_id: str) -> NetworkNames:
        return self.networks.networks_of(organisation_id)

    @receives("sensors")
    def take_readings(self, readings: list[Reading]) -> None:
        self.receiver.take(readings)

    @procedure(NetworkStatesArguments(), NetworkStatesAnswer())
    def network_states(self, organisation_id: str, limit: int = 20, after: str = "") -> NetworkStates:
        return self.overview.networks(organisation_id, limit, after)

    @procedure(SensorStatesArguments(), SensorStatesAnswer())
    def sensor_states(
        self, organisation_id: str, network_id: str | None = None, limit: int = 20, after: str = ""
    ) -> SensorStates:
        try:
            return self.overview.sensors(organisation_id, network_id, limit, after)
        except NoSuchNetwork as refusal:
            raise NotFound(str(refusal)) from None

    @procedure(CreateNetworkArguments(), ChangedNetworkAnswer())
    def create_network(
        self, organisation_id: str, network_id: str, settings: ChangeNetwork, actor: str, request_id: str | None = None
    ) -> NetworkView:
        asker = Asker(actor=actor, account=self.sender, request_id=request_id)
        return self.network_commands.create(organisation_id, network_id, settings, asker)

    @procedure(ChangeNetworkArguments(), ChangedNetworkAnswer())
    def change_network(
        self,
        organisation_id: str,
        network_id: str,
        settings: ChangeNetwork,
        actor: str,
        revision: int | None = None,
        request_id: str | None = None,
    ) -> NetworkView:
        asker = Asker(actor=actor, account=self.sender, request_id=request_id)
        return self.network_commands.change(organisation_id, network_id, settings, revision, asker)

    @procedure(DeleteNetworkArguments())
    def delete_network(
        self, organisation_id: str, network_id: str, name: str, actor: str, request_id: str | None = None
    ) -> dict[str, str]:
        asker = Asker(actor=actor, account=self.sender, request_id=request_id)
        self.network_commands.delete(organisation_id, network_id, name, asker)
        return {"id": network_id}

    @timer(interval=RELAY_SECONDS)
    def relay_what_is_left(self) -> None:
        self.relay.run()

    @timer(interval=SEND_SECONDS)
    def send_head(self) -> None:
        self.sent_heads.tick()

    @timer(interval=SEAL_SECONDS)
    def seal_what_has_settled(self) -> None:
        self.samples.sealer.run()

    @timer(interval=DECIDE_SECONDS)
    def decide_what_waits(self) -> None:
        self.arrival.decide_waiting()

    @timer(interval=MEASURE_SECONDS)
    def measure_health(self) -> None:
        self.health.run()

    @timer(interval=WATCH_SECONDS, eager=True)
    def watch_clock(self) -> None:
        self.clock_watch.tick()

    @timer(interval=SWEEP_SECONDS)
    def delete_what_is_old(self) -> None:
        self.samples.retention.run()
        self.samples.sweep.run()

    @timer(interval=EXPORT_SECONDS)
    def make_exports(self) -> None:
        self.exports.run()
        self.export_telling.run()

    @timer(interval=EXPORT_SWEEP_SECONDS, eager=True)
    def sweep_exports(self) -> None:
        self.exports.sweep()
