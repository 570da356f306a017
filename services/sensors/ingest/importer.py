"""Import of recordings: registers their sensors, stores their samples, and accounts for every one offered.

Importing again what was imported, wholly or in part, adds nothing twice, so an import that was stopped is simply
run again.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from services.sensors import tables
from services.sensors.accounting.account import Account, Differing
from services.sensors.arrival import accounts, senders
from services.sensors.arrival.clocks.clock_rows import ClockRows
from services.sensors.arrival.device_arrival import DeviceArrival
from services.sensors.arrival.record import Record
from services.sensors.arrival.time_arrival import TimeArrival
from services.sensors.epochs.checked import checked
from services.sensors.epochs.statements import EpochStatements
from services.sensors.ingest import ReadResult, Recording, RejectedLine, rejections
from services.sensors.ingest.openeew import DEVICE_UNIT, NETWORK_UNKNOWN, serial_number
from services.sensors.ingest.recording import Described
from services.sensors.networks.commands import NetworkCommands, check_takes_sensors
from services.sensors.registry import network_codes, sensor
from services.sensors.registry.changes import StateEpoch, TooManyEpochs
from services.sensors.registry.events import SensorEvent, types
from services.sensors.registry.projection import project
from services.sensors.store.miniseed.codes import SensorUnknown
from services.sensors.store.sample_store import SampleStore
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.runtime.clock import Clock
from shared.sql.database import Database
from shared.values.identifiers import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of one file. `accounts`: by sensor; `rejected_account`: of lines that name no sensor there is.

    `epochs`: how many statements of its were new.

    Samples that wait for their device's era to be decided are in no account yet: see Importer.decide.
    """

    accounts: dict[str, Account]
    rejected_account: Account
    lines_read: int
    rejected: tuple[RejectedLine, ...]
    warnings: tuple[str, ...]
    epochs: int = 0

    @property
    def sensor_ids(self) -> tuple[str, ...]:
        """In the order of the file."""
        return tuple(self.accounts)

    @property
    def account(self) -> Account:
        return sum(self.accounts.values(), self.rejected_account)


class Importer:
    def __init__(self, database: Database, store: SqlEventStore, samples: SampleStore, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._devices, self._timed = DeviceArrival(database, samples, clock), TimeArrival(database, samples)
        self._waiting: defaultdict[str, list[str]] = defaultdict(list)  # by sensor, names under which it offered
        self._networks = NetworkCommands(store, clock)
        self._epochs, self._coding = EpochStatements(store, samples, clock), samples.coding
        # No relay: an import runs beside the service, whose own relay finds the new rows within a second.
        self._sensors: Repository[sensor.Sensor | None, SensorEvent, Connection] = Repository(
            store,
            types,
            initial=None,
            evolve=sensor.evolve,
            project=project,
            after_commit=lambda: None,
            clock=clock,
        )

    def store(
        self, result: ReadResult, organisation_id: str, origin: Origin, network_id: str | None = None
    ) -> Imported:
        """`network_id`: which sensors seen first join; None: the oldest network that takes them, made if need be.

        Raises StationCodeTaken, NoSuchNetwork, TakesNoSensors or NoNetworkTakesSensors before anything of the file is
        stored.
        """
        commands = [registration(recording, organisation_id, network_id) for recording in result.recordings]
        for command in commands:
            self.register(command, origin)
        rejected_lines = result.rejected
        if rejected_lines:
            with self._database.transaction() as tx:
                rejected_lines = rejections.note(tx, organisation_id, rejected_lines)
        remarks = list(result.warnings)
        epochs = sum(
            self._state(command.sensor_id, recording.epochs, remarks, origin)
            for command, recording in zip(commands, result.recordings, strict=True)
        )
        epochs += sum(self._describe(one, organisation_id, remarks, origin) for one in result.described)
        found: dict[str, Account] = {}
        for command, recording in zip(commands, result.recordings, strict=True):
            account = self._timed.take(command.sensor_id, recording.segments) if recording.segments else Account()
            if recording.records:
                account += self._take(command.sensor_id, recording.records)
            found[command.sensor_id] = found.get(command.sensor_id, Account()) + account
        for sensor_id, account in rejections.by_sensor(rejected_lines).items():
            found[sensor_id] = found.get(sensor_id, Account()) + account
        return Imported(
            accounts=found,
            rejected_account=rejections.of_no_sensor(rejected_lines),
            lines_read=result.lines_read,
            rejected=rejected_lines,
            warnings=tuple(remarks),
            epochs=epochs,
        )

    def decide(self, sensor_ids: Iterable[str]) -> dict[str, Account]:
        """After the last file: what it offered and was held is stored, wherever it fits best.

        What became of that is told, also where a later file, a device's message or the service's timer decided it; and
        nothing of what others offered. Raises SensorUnknown, SpanDamaged.
        """
        found = {}
        for sensor_id in sorted(sensor_ids):
            waiting = self._waiting.pop(sensor_id, [])
            if waiting:
                self._devices.decide(sensor_id, waiting)
            found[sensor_id] = sum((self._taken_out(sender) for sender in waiting), Account())
        return found

    def _take(self, sensor_id: str, records: Sequence[Record]) -> Account:
        """Of these records alone, under a name that no others have."""
        sender = senders.IMPORT + new_id("imp")
        self._waiting[sensor_id].append(sender)
        self._devices.take(sensor_id, [replace(record, sender=sender) for record in records])
        account = self._taken_out(sender)
        if account.offered == sum(record.values.size for record in records):
            self._waiting[sensor_id].remove(sender)
        return account

    def _taken_out(self, sender: str) -> Account:
        with self._database.transaction() as tx:
            return senders.taken_out(tx, sender)

    def differing(self, sensor_id: str) -> list[Differing]:
        """The first thousand ranges that were offered with other values than are stored."""
        with self._database.reading() as tx:
            return accounts.listed(tx, sensor_id)

    def uncertainties(self, sensor_id: str) -> dict[int, int]:
        """How far times of each of its device's eras may be wrong beyond the least delay, in nanoseconds."""
        with self._database.reading() as tx:
            return ClockRows(tx, sensor_id).uncertainty_ns()

    def _describe(self, one: Described, organisation_id: str, remarks: list[str], origin: Origin) -> int:
        """What is said of a station whose sensor is not there is left out, and that is told."""
        name = f"{one.network}.{one.station}"
        try:
            with self._database.reading() as tx:
                sensor_id = _sensor_of(tx, organisation_id, one)
                found = checked(tx, self._coding, sensor_id, name, one.epochs)
        except SensorUnknown:
            remarks.append(f"{name}: there is no such sensor yet; import its recordings, then this file again")
            return 0
        remarks += found.remarks
        return self._state(sensor_id, found.statements, remarks, origin)

    def _state(self, sensor_id: str, epochs: tuple[StateEpoch, ...], remarks: list[str], origin: Origin) -> int:
        if not epochs:
            return 0
        try:
            return self._epochs.state(sensor_id, epochs, origin)
        except TooManyEpochs as error:
            remarks.append(str(error))
            return 0

    def _network_code(self, organisation_id: str) -> str | None:
        with self._database.reading(once=True) as tx:
            return network_codes.code_of(tx, organisation_id)

    def register(self, command: sensor.RegisterSensor, origin: Origin) -> None:
        """Raises StationCodeTaken, NoSuchNetwork, TakesNoSensors or NoNetworkTakesSensors."""
        now, organisation_id = self._clock.now(), command.organisation_id
        known, _ = self._sensors.load(command.sensor_id)
        network_id = None if known else command.network_id or self._networks.for_new_sensors(organisation_id, origin)
        code = None if known or command.network != NETWORK_UNKNOWN else self._network_code(organisation_id)
        command = replace(command, network_id=network_id, network_code=code)

        def network_takes_it(tx: Connection) -> None:
            if network_id is not None:
                check_takes_sensors(tx, organisation_id, network_id)

        self._sensors.execute(
            command.sensor_id, lambda state: sensor.decide(state, command, now), origin, fence=network_takes_it
        )
        if known is None and command.unit == DEVICE_UNIT:
            self._epochs.state(command.sensor_id, (serial_number(command.name),), origin)


def _sensor_of(tx: Connection, organisation_id: str, station: Described) -> str:
    """By its codes, or by those that its id is made from. Raises SensorUnknown."""
    table = tables.sensor
    made = sensor.sensor_id(organisation_id, station.network, station.station)
    has_codes = (table.c.network == station.network) & (table.c.station == station.station)
    query = select(table.c.id).where(table.c.organisation_id == organisation_id, has_codes | (table.c.id == made))
    found = tx.execute(query.limit(1)).scalar_one_or_none()
    if found is None:
        raise SensorUnknown(made)
    return str(found)


def registration(recording: Recording, organisation_id: str, network_id: str | None) -> sensor.RegisterSensor:
    """`network_id`: of the network that it joins if it is not known yet."""
    return sensor.RegisterSensor(
        organisation_id=organisation_id,
        network=recording.network,
        station=recording.station,
        name=recording.name or f"{recording.network}.{recording.station}",
        unit=recording.unit,
        location=sensor.location(recording.latitude, recording.longitude, recording.elevation_m),
        network_id=network_id,
    )
