"""The management API as it stands in a web process: keys and usage on SQLite, a gate that follows their log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, repeat
from operator import mul
from pathlib import Path
from typing import Any, cast

import msgspec
from falcon import testing

from services.auth.tier_limits import TIERS
from services.keys import assembly as keys_assembly
from services.keys.commands.command_inputs import KeyRequest
from services.keys.commands.network_checks import NetworksAway
from services.keys.encryption.description import Description
from services.keys.rpc.error_mapping import as_wire_errors
from services.keys.rpc.schemas import HistoryArguments, HistoryEntryAnswer, KeyAnswer
from services.usage import assembly as usage_assembly
from services.usage.known_keys.keys_client import KeysClient
from services.usage.notifications.senders.email_sender import MailServer
from services.usage.notifications.settings import DeliverySettings
from shared.contracts.envelope import CloudEvent
from shared.contracts.keys import Contract
from shared.contracts.usage import RequestMetered
from shared.eventsourcing.origin import Origin
from shared.gate.gate import Gate
from shared.gate.grants.grant import Snapshot
from shared.gate.grants.replica import Replica
from shared.gate.metering.meter import Meter
from shared.gate.quota.memory_quota import MemoryQuota
from shared.messaging.publishing import EventPublisher
from shared.replication.proof.signatures import Signer, new_private_key
from shared.runtime.clock import Clock, SystemClock
from shared.sql.database import Database
from shared.values.timestamps import rfc3339
from shared.web.application import NO_PROXIES, application
from shared.web.route import Route
from tests.integration.web.tiny import PUBLIC_URL
from tests.service_database import migrated

DELIVERY = DeliverySettings(
    secrets_keys=("k" * 32,), mail=MailServer(host="127.0.0.1", port=25, sender="grillo@example.org")
)
KEY: dict[str, Any] = {"name": "key", "permissions": ["sensors:read"]}
BOOTSTRAP = Origin(actor="operator")


class Doorbell:
    """The bus between keys and the gate: what is published is applied and acknowledged at once."""

    def __init__(self) -> None:
        self.replica: Replica | None = None

    def publish(self, events: Sequence[CloudEvent]) -> int:
        if self.replica is not None:
            for event in events:
                self.replica.push(event)
                self.replica.pull()
        return len(events)


class TakenIn:
    """The bus between the gate and usage: what is shipped is counted at once."""

    def __init__(self, usage: usage_assembly.Usage) -> None:
        self._usage = usage

    def publish(self, batch: bytes) -> None:
        self._usage.metering.take_in(msgspec.json.decode(batch, type=RequestMetered))


class NearbyKeys(KeysClient):
    """keys, asked in this process and not over a bus."""

    def __init__(self, keys: keys_assembly.Keys) -> None:
        self._keys = keys

    def history(self, organisation_id: str, key_id: str, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        asked = HistoryArguments().load({"organisation_id": organisation_id, "key_id": key_id, "where": where})
        with as_wire_errors():
            happened: list[dict[str, Any]] = HistoryEntryAnswer(many=True).dump(
                self._keys.history.of_key(organisation_id, key_id, asked["where"])
            )
        return happened

    def get_key(self, organisation_id: str, key_id: str) -> dict[str, Any]:
        with as_wire_errors():
            found: dict[str, Any] = KeyAnswer().dump(self._keys.queries.get_key(organisation_id, key_id))
        return found


class Networks:
    """In the place of sensors: organisation → its networks. `asked`: how often."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, str]] = {}
        self.is_away, self.asked = False, 0

    def networks_of(self, organisation_id: str) -> dict[str, str]:
        self.asked += 1
        if self.is_away:
            raise NetworksAway
        return self.known.get(organisation_id, {})


@dataclass
class Management:
    keys: keys_assembly.Keys
    usage: usage_assembly.Usage
    replica: Replica
    gate: Gate
    bell: Doorbell
    routes: list[Route]
    client: testing.TestClient
    organisation_id: str
    admin: str
    networks: "Networks"

    def ask(self, method: str, path: str, *, key: str | None = None, **parts: Any) -> testing.Result:
        headers = {"Authorization": f"Bearer {key or self.admin}"} | parts.pop("headers", {})
        return self.client.simulate_request(method, path, headers=headers, **parts)

    def create(self, **fields: Any) -> dict[str, Any]:
        answer = self.ask("POST", "/v1/keys", json=KEY | fields)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json
        return body

    def create_short_lived(self) -> dict[str, Any]:
        """It expires as soon as this machine allows: the time must be ahead when the request is judged."""
        for seconds in accumulate(repeat(3), mul, initial=0.05):
            soon = rfc3339(datetime.now(UTC) + timedelta(seconds=seconds))
            answer = self.ask("POST", "/v1/keys", json=KEY | {"expires_at": soon})
            if answer.status_code == 201:
                break
            assert answer.status_code == 422, answer.text
        body: dict[str, Any] = answer.json
        return body

    def another_organisation(self, tier: str = "free", contract: Contract | None = None) -> str:
        """Its admin key's secret."""
        organisations = self.keys.commands.organisations
        organisation_id = organisations.register("Researchers", tier, BOOTSTRAP)
        if contract is not None:
            organisations.change_tier(organisation_id, "enterprise", BOOTSTRAP, contract=contract)
        return _admin_key(self.keys, organisation_id)

    def operator_s_admin(self) -> str:
        """The secret of an admin key that an operator made for this organisation."""
        return _admin_key(self.keys, self.organisation_id)

    def count(self) -> None:
        """Usage has counted all requests so far, and looked at its rules."""
        self.gate.meter._record_all(self.gate.meter._refusals.take_all())  # else a second later
        self.gate.meter.ship()
        self.usage.following.catch_up()
        self.usage.evaluator.run()

    def close(self) -> None:
        self.keys.doorbell.stop()
        self.keys.database.close()
        self.usage.database.close()


def management(
    folder: Path,
    *,
    tier: str = "premium",
    keys_database: Database | None = None,
    usage_database: Database | None = None,
    clock: Clock | None = None,
) -> Management:
    clock, bell = clock or SystemClock(), Doorbell()
    keys_database = migrated(keys_database or Database.sqlite(folder / "keys.db"), keys_assembly.MIGRATIONS)
    signer = Signer(new_private_key())
    networks = Networks()
    keys = keys_assembly.assemble(keys_database, bell, clock, lease_seconds=10, signer=signer, networks=networks)
    # Nothing here tells others which keys were used, so nothing is published.
    nobody = cast("EventPublisher", None)
    nearby = NearbyKeys(keys)
    usage_database = migrated(usage_database or Database.sqlite(folder / "usage.db"), usage_assembly.MIGRATIONS)
    usage = usage_assembly.assemble(usage_database, keys.feed, nearby, nobody, clock, policy=TIERS, delivery=DELIVERY)
    organisation_id = keys.commands.organisations.register("Railway", tier, BOOTSTRAP)
    admin = _admin_key(keys, organisation_id)
    empty = Snapshot(place=None, grants=(), tiers={}, policy=TIERS)
    replica = Replica(gate="gate_1", feed=keys.feed, snapshot=lambda: empty, clock=clock, lease_seconds=300)
    replica.pull()
    bell.replica = replica
    keys.doorbell.start()
    gate = Gate(replica, MemoryQuota(), Meter(folder / "spool", TakenIn(usage), clock), clock)
    routes = [*keys.routes(replica, NO_PROXIES), *usage.routes(replica, NO_PROXIES)]
    app = application("keys", routes, gate, clock, public_url=PUBLIC_URL, is_ready=lambda: True)
    networks.known[organisation_id] = {"net_1": "North", "net_2": "South"}
    client = testing.TestClient(app)
    return Management(keys, usage, replica, gate, bell, routes, client, organisation_id, admin, networks)


def _admin_key(keys: keys_assembly.Keys, organisation_id: str) -> str:
    request = KeyRequest(description=Description(name="first admin"), permissions=("admin",))
    return keys.commands.create(organisation_id, request, BOOTSTRAP).secret.value
