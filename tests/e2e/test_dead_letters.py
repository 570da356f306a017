"""What a service could not take in: seen and replayed by `grillo dead`, from the database and from the broker."""

import json
from pathlib import Path
from typing import Any

import kombu
import pytest
from sqlalchemy import Connection

from services.auth import assembly as auth
from services.auth import grants, tables
from services.auth.grants import FOLLOWER, GrantBook
from services.auth.tier_limits import TIERS
from shared.contracts.envelope import CloudEvent
from shared.messaging.exchanges import durable_queue, events_of
from shared.messaging.publishing import EventPublisher, MeterBus
from shared.replication.relay import BusUnavailable
from shared.replication.sql_follower import SqlFollower
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.e2e.running import Distributed, eventually, grillo
from tests.examples import NOON
from tests.servers import RabbitMq

pytestmark = pytest.mark.xdist_group("distributed")


def test_a_parked_event_is_listed_and_replayed(data: Path) -> None:
    data.mkdir()
    database = Database.sqlite(data / "auth.sqlite")
    migrate(database, auth.MIGRATIONS)
    broken = SqlFollower(FOLLOWER, database, tables.metadata, _fails, grants.reset, SystemClock())
    broken.apply([_organisation_registered(1)])
    listed = grillo("dead", "list", "auth", "--data", str(data), "--json")
    (parked,) = json.loads(listed.stdout)["parked"]
    assert (parked["stream"], parked["error"]) == ("org_railway", "ZeroDivisionError")
    assert "org_railway" in grillo("dead", "list", "auth", "--data", str(data)).stdout
    replayed = grillo("dead", "replay", "auth", "--data", str(data))  # the follower's own code, which is not broken
    assert (replayed.returncode, replayed.stdout) == (0, "org_railway: applied\n")
    assert GrantBook(database, TIERS).snapshot().tiers == {"org_railway": "free"}
    assert "nothing is parked" in grillo("dead", "list", "auth", "--data", str(data)).stdout
    database.close()


def test_a_message_that_cannot_be_read_is_a_dead_letter_and_holds_up_nothing(distributed: Distributed) -> None:
    as_usage, as_a_gate = map(distributed.stack.amqp_uri, ("usage", "sensors"))
    EventPublisher(as_usage, "usage").publish("KeyUsed", {"said": f"grl_{'7' * 49}"})
    EventPublisher(as_a_gate, "auth").publish("RequestMetered", {"segment": 7})
    (letter,) = eventually(lambda: _dead_letters(distributed, "keys"), bool)
    assert (letter["queue"], letter["type"], letter["reason"]) == ("keys.follows.usage.KeyUsed", "KeyUsed", "rejected")
    assert '"said"' in letter["beginning"]
    assert "7777" not in letter["beginning"], "a key must not be shown"
    (batch,) = eventually(lambda: _dead(distributed, "usage")["parked_batches"], bool)
    assert batch["reason"].startswith("malformed: ")
    replayed = distributed.stack.grillo("usage", "dead", "replay", "usage")
    assert (replayed.returncode, batch["reason"] in replayed.stdout) == (1, True)
    # Given back it is read again, and is no more readable than before.
    replayed = distributed.stack.grillo("keys", "dead", "replay", "keys")
    assert (replayed.returncode, replayed.stdout) == (0, "keys.follows.usage.KeyUsed: 1 given back\n")
    eventually(lambda: _dead_letters(distributed, "keys"), lambda letters: len(letters) == 1)
    distributed.create_key("sensors:read")  # events flow on


def test_a_batch_that_no_queue_would_hold_is_not_taken_for_published(rabbitmq: RabbitMq) -> None:
    amqp_uri = rabbitmq.new_vhost()
    bus = MeterBus(EventPublisher(amqp_uri, "auth"))
    with pytest.raises(BusUnavailable, match="nobody has a queue for RequestMetered"):
        bus.publish(b'{"segment": "s"}')
    with kombu.Connection(amqp_uri) as connection:
        queue = durable_queue("usage", "auth", "RequestMetered")(connection.channel())
        queue.declare()
        bus.publish(b'{"segment": "s"}')
        assert queue.get(no_ack=True).payload == {"segment": "s"}


def test_a_message_that_kills_its_readers_becomes_a_dead_letter(rabbitmq: RabbitMq) -> None:
    amqp_uri, queue = rabbitmq.new_vhost(), durable_queue("tests", "keys")
    with kombu.Connection(amqp_uri) as connection:
        channel = connection.channel()
        queue(channel).declare()
        dead = kombu.Queue("dead", exchange=kombu.Exchange("grillo.dead", type="direct"), routing_key=queue.name)
        dead(channel).declare()
        kombu.Producer(channel).publish({"position": 1}, exchange=events_of("keys"), routing_key="KeyCreated")
    deliveries = 0
    while _was_delivered(amqp_uri, queue):
        deliveries += 1
        assert deliveries < 100, "delivered for ever"
    with kombu.Connection(amqp_uri) as connection:
        letter = eventually(lambda: dead(connection.channel()).get(no_ack=True), bool)
    assert letter.payload == {"position": 1}
    assert letter.headers["x-death"][0]["reason"] == "delivery_limit"
    assert deliveries > 1


def _was_delivered(amqp_uri: str, queue: kombu.Queue) -> bool:
    """To a reader that ends without a word."""
    with kombu.Connection(amqp_uri) as connection:
        return queue(connection.channel()).get(no_ack=False) is not None


def _dead_letters(distributed: Distributed, service: str) -> list[dict[str, Any]]:
    return _dead(distributed, service)["dead_letters"]


def _dead(distributed: Distributed, service: str) -> dict[str, list[dict[str, Any]]]:
    listed = distributed.stack.grillo(service, "dead", "list", service, "--json")
    assert listed.returncode == 0, listed.stderr
    found: dict[str, list[dict[str, Any]]] = json.loads(listed.stdout)
    return found


def _fails(tx: Connection, event: CloudEvent) -> None:
    raise ZeroDivisionError


def _organisation_registered(position: int) -> CloudEvent:
    return CloudEvent(
        id=f"e-{position}",
        source="/grillo/keys",
        type="OrganisationRegistered",
        time=NOON,
        subject="org_railway",
        epoch="e",
        position=position,
        hash=f"{position:064}",
        data={"organisation_id": "org_railway", "tier": "free"},
    )
