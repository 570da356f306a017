"""Devices of networks: which sensor a message of a network's device belongs to, registered if the network takes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import select

from services.sensors import tables
from services.sensors.accounting.rejection import Rejection
from services.sensors.ingest.importer import Importer
from services.sensors.ingest.openeew import NETWORK_UNKNOWN, station_code
from services.sensors.networks.commands import TakesNoSensors
from services.sensors.networks.network import NoSuchNetwork
from services.sensors.networks.queries import TAKES_SENSORS
from services.sensors.registry.sensor import RegisterSensor, StationCodeTaken, sensor_id
from shared.eventsourcing.origin import Origin
from shared.sql.database import Database
from shared.sql.in_values import in_values

_ORIGIN = Origin(actor="readings")


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTaken:
    """Why a device's samples are rejected. `reason`: a text for operators."""

    kind: Rejection
    reason: str


class _Network(NamedTuple):
    organisation_id: str
    takes_sensors: bool


class _Sensor(NamedTuple):
    network_id: str | None
    name: str


class Devices:
    def __init__(self, database: Database, importer: Importer) -> None:
        self._database, self._importer = database, importer

    def find(self, devices: Sequence[tuple[str, str]]) -> list[str | NotTaken]:
        """`devices`: network and device id. The sensor of each."""
        networks = self._networks({network_id for network_id, _ in devices})
        ids = {
            (network_id, device_id): sensor_id(
                networks[network_id].organisation_id, NETWORK_UNKNOWN, station_code(device_id)
            )
            for network_id, device_id in devices
            if network_id in networks
        }
        known = self._sensors(set(ids.values()))
        found: dict[tuple[str, str], str | NotTaken] = {}
        for device in dict.fromkeys(devices):
            network = networks.get(device[0])
            if network is None:
                reason = f"there is no network {device[0]}"
                found[device] = NotTaken(kind=Rejection.UNKNOWN_NETWORK, reason=reason)
            elif (sensor := known.get(ids[device])) is None:
                found[device] = self._register(device, network)
            elif sensor.network_id != device[0]:
                reason = f"device {device[1]} belongs to another network than {device[0]}"
                found[device] = NotTaken(kind=Rejection.OTHER_NETWORK, reason=reason)
            elif sensor.name != device[1]:
                reason = f"the sensor with the station code of device {device[1]} is {sensor.name!r}"
                found[device] = NotTaken(kind=Rejection.STATION_TAKEN, reason=reason)
            else:
                found[device] = ids[device]
        return [found[device] for device in devices]

    def known(self, devices: Sequence[tuple[str, str]]) -> list[str | None]:
        """The sensor of each that is in its network; nothing is registered."""
        networks = self._networks({network_id for network_id, _ in devices})
        ids = [
            sensor_id(networks[network_id].organisation_id, NETWORK_UNKNOWN, station_code(device_id))
            if network_id in networks
            else ""
            for network_id, device_id in devices
        ]
        sensors = self._sensors({one for one in ids if one})
        return [
            one if sensors.get(one) == _Sensor(network_id, device_id) else None
            for one, (network_id, device_id) in zip(ids, devices, strict=True)
        ]

    def _register(self, device: tuple[str, str], network: _Network) -> str | NotTaken:
        network_id, device_id = device
        if not network.takes_sensors:
            return _takes_none(network_id, device_id)
        command = RegisterSensor(
            organisation_id=network.organisation_id,
            network=NETWORK_UNKNOWN,
            station=station_code(device_id),
            name=device_id,
            unit="mGal",
            location=None,
            network_id=network_id,
        )
        try:
            self._importer.register(command, _ORIGIN)
        except StationCodeTaken as error:
            return NotTaken(kind=Rejection.STATION_TAKEN, reason=str(error))
        except (NoSuchNetwork, TakesNoSensors):
            return _takes_none(network_id, device_id)
        return command.sensor_id

    def _networks(self, ids: set[str]) -> dict[str, _Network]:
        table = tables.network
        with self._database.reading() as tx:
            query = select(table.c.id, table.c.organisation_id, TAKES_SENSORS.label("takes"))
            rows = tx.execute(query.where(in_values(tx, table.c.id, sorted(ids)))).all()
        return {row.id: _Network(row.organisation_id, bool(row.takes)) for row in rows}

    def _sensors(self, ids: set[str]) -> dict[str, _Sensor]:
        table = tables.sensor
        with self._database.reading() as tx:
            query = select(table.c.id, table.c.network_id, table.c.name)
            rows = tx.execute(query.where(in_values(tx, table.c.id, sorted(ids)))).all()
        return {row.id: _Sensor(row.network_id, row.name) for row in rows}


def _takes_none(network_id: str, device_id: str) -> NotTaken:
    reason = f"device {device_id} is not known, and {network_id} takes no new sensors"
    return NotTaken(kind=Rejection.UNKNOWN_DEVICE, reason=reason)
