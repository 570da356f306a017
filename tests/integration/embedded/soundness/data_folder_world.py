"""A data folder with all four services over it, in this process and without doors; a crash is a copy of its files."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import cast

from services.auth import assembly as auth_assembly
from services.auth.tier_limits import TIERS
from services.embedded.data_folder import DataFolder
from services.embedded.soundness.folder_check import check
from services.keys import assembly as keys_assembly
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from services.keys.lifecycle.key import Reason
from services.sensors import assembly as sensors_assembly
from services.sensors.accounting.account import Account
from services.sensors.arrival.accounts import note
from services.soundness.fault import Report
from services.usage import assembly as usage_assembly
from services.usage.known_keys.keys_client import KeysClient
from services.usage.notifications.settings import DeliverySettings
from shared.eventsourcing.event_types import Encoded
from shared.messaging.publishing import EventPublisher
from shared.replication.proof.signatures import Verifier
from shared.runtime.clock import ManualClock
from shared.values.timestamps import rfc3339
from tests.examples import NOON, ORIGIN, NoBus
from tests.service_database import migrated

REQUEST = KeyRequest(description=Description(name="key"), permissions=("sensors:read",))
NOBODY = cast("EventPublisher", None)
MINUTE = timedelta(minutes=1).total_seconds()
SERVICES = ("keys", "auth", "usage", "sensors")


class World:
    def __init__(self, path: Path) -> None:
        path.mkdir(exist_ok=True)
        self.folder, self.clock, self.sensors_rows = DataFolder(path), ManualClock(NOON), 0
        self.start()
        self.organisation = self.keys.commands.organisations.register("Ferrovie", "standard", ORIGIN)

    def start(self) -> None:
        folder, clock, signer = self.folder, self.clock, self.folder.keys_signer()
        for name, assembly in (
            ("keys", keys_assembly),
            ("auth", auth_assembly),
            ("usage", usage_assembly),
            ("sensors", sensors_assembly),
        ):
            migrated(folder.database(name), assembly.MIGRATIONS).close()
        verifier = Verifier([signer.public_key])
        self.keys = keys_assembly.assemble(folder.database("keys"), NoBus(), clock, lease_seconds=1, signer=signer)
        self.sensors = sensors_assembly.assemble(
            folder.database("sensors"), NoBus(), clock, folder.samples, signer=folder.sensors_signer()
        )
        self.auth = auth_assembly.assemble(
            folder.database("auth"),
            self.keys.feed,
            clock,
            keys_verifier=verifier,
            sensors_head=self.sensors.signed_head,
        )
        self.usage = usage_assembly.assemble(
            folder.database("usage"),
            self.keys.feed,
            cast("KeysClient", None),
            NOBODY,
            clock,
            policy=TIERS,
            delivery=DeliverySettings(secrets_keys=("k" * 32,)),
            keys_verifier=verifier,
        )

    def stop(self) -> None:
        for part in (self.keys, self.auth, self.usage, self.sensors):
            part.database.close()

    def minutes(self, count: int = 2) -> None:
        """What timers do."""
        for _ in range(count):
            self.clock.advance(MINUTE)
            self.follow()

    def follow(self) -> None:
        self.auth.following.catch_up()
        self.usage.following.catch_up()
        self.auth.sensors_heads.keep()

    def create(self) -> str:
        """The id of a new key."""
        return self.keys.commands.create(self.organisation, REQUEST, ORIGIN, beyond_limit=True).key_id

    def revoke(self, key_id: str) -> None:
        self.keys.commands.revoke(self.organisation, key_id, Reason.KEY_COMPROMISE, None, ORIGIN)

    def register_sensor(self) -> None:
        event = Encoded(type="SensorRegistered", schema_version=1, data='{"name":"a sensor"}')
        store = self.sensors.store
        with store.transaction() as tx:
            store.append(tx, f"sen_{self.sensors_rows}", 0, [event], "{}", rfc3339(self.clock.now()))
        self.sensors_rows += 1

    def offer(self, samples: int) -> None:
        """So many samples of one sensor arrive: no event tells of them."""
        with self.sensors.database.transaction() as tx:
            note(tx, "sen_0", Account(new=samples), ())

    def live(self, keys: int = 3) -> None:
        """Some minutes in which something happens everywhere."""
        for _ in range(keys):
            created = self.create()
            self.register_sensor()
            self.minutes(1)
        self.revoke(created)
        self.minutes()

    def copy(self, to: Path) -> DataFolder:
        """The files as a SIGKILL of now would leave them."""
        shutil.copytree(self.folder.path, to, dirs_exist_ok=True)
        return DataFolder(to)


def found(folder: DataFolder) -> list[str]:
    """What a start says of the folder."""
    return told(check(folder, whole=False))


def told(report: Report) -> list[str]:
    return [str(fault) for fault in report.faults]


def put_back(folder: DataFolder, service: str, older: DataFolder) -> None:
    """One service's database, with its write-ahead log, as an older copy has it."""
    for file in folder.path.glob(f"{service}.sqlite*"):
        file.unlink()
    for file in older.path.glob(f"{service}.sqlite*"):
        shutil.copy(file, folder.path / file.name)
