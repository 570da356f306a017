"""On RabbitMQ and PostgreSQL with every pull cut off: signed pushes alone make all followers equal to the log."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import kombu
import pytest
from amqp.exceptions import NotFound

from services.auth.tier_limits import TIERS
from services.keys import assembly as keys
from services.keys.commands.command_inputs import KeyRequest
from services.keys.encryption.description import Description
from services.keys.lifecycle.key import Reason
from shared.eventsourcing.event_store import Head
from shared.gate.grants.grant import Snapshot
from shared.gate.grants.replica import Replica
from shared.messaging.broadcast_listener import Listener
from shared.messaging.exchanges import broadcast_queue, durable_queue
from shared.messaging.pipelined_publishing import PipelinedLogBus
from shared.replication.feed import Acknowledgement, Feed, FeedPage, FeedUnavailable
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.push_proof import PushProof
from shared.replication.proof.signatures import Signer, Verifier, new_private_key
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from tests.against_the_log import Log
from tests.e2e.running import eventually
from tests.examples import ORIGIN
from tests.servers import Postgres, RabbitMq, free_port

KEYS = 40
pytestmark = pytest.mark.xdist_group("distributed")


class OnePull:
    """A gate must have pulled once to be fresh at all; nothing more is to be had here."""

    def __init__(self, feed: Feed) -> None:
        self._feed, self._pulls = feed, 0

    def pull(
        self, after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        self._pulls += 1
        if self._pulls > 2:  # the pull, and the look after what it applied
            raise FeedUnavailable("cut off")
        return self._feed.pull(after)  # unacknowledged, so that no command waits for this gate


class World:
    def __init__(self, folder: Path, postgres: Postgres, rabbitmq: RabbitMq) -> None:
        self.amqp_uri = rabbitmq.new_vhost()
        self.urls = {service: postgres.new_database() for service in ("keys", "auth", "usage")}
        signer = Signer(new_private_key())
        self.verify_key = signer.public_key
        bus = PipelinedLogBus(self.amqp_uri, "keys", signer)
        self.keys = keys.assemble(Database(self.urls["keys"]), bus, SystemClock(), lease_seconds=1)
        self._errors = (folder / "workers.log").open("wb")
        self._workers = [self._worker(service) for service in ("auth", "usage")]
        for queue in (durable_queue("auth", "keys"), durable_queue("usage", "keys")):
            eventually(lambda queue=queue: self._consumers(queue), lambda count: count == 1, seconds=60)  # type: ignore[misc]

    def close(self) -> None:
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            worker.wait(30)
        self._errors.close()
        self.keys.database.close()

    def _worker(self, service: str) -> subprocess.Popen[bytes]:
        """Its pulls find nobody: neither at the internal door nor, since no keys worker runs, over RPC."""
        nobody = f"http://127.0.0.1:{free_port()}"
        environment = os.environ | {
            "DATABASE_URL": self.urls[service],
            "AMQP_URI": self.amqp_uri,
            "INTERNAL_TOKEN": "token",
            "KEYS_VERIFY_KEYS": self.verify_key,
            "CHANNEL_SECRETS_KEY": "a long random text of nobody in particular",
            "KEYS_INTERNAL_URL": nobody,
            "AUTH_INTERNAL_URL": nobody,
        }
        command = [sys.executable, "-m", "services.distributed.worker", service]
        return subprocess.Popen(command, env=environment, stderr=self._errors)

    def _consumers(self, queue: kombu.Queue) -> int:
        with kombu.Connection(self.amqp_uri) as connection:
            try:
                declared = connection.channel().queue_declare(queue.name, passive=True)
            except NotFound:
                return 0
        count: int = declared.consumer_count
        return count


@pytest.fixture
def world(tmp_path: Path, postgres: Postgres, rabbitmq: RabbitMq) -> Iterator[World]:
    world = World(tmp_path, postgres, rabbitmq)
    yield world
    world.close()


def test_pushes_alone_make_every_follower_equal_to_the_log(world: World) -> None:
    nothing = Snapshot(place=None, grants=(), tiers={}, policy=TIERS)
    replica = Replica(gate="gate", feed=OnePull(world.keys.feed), snapshot=lambda: nothing, clock=SystemClock())

    proof = PushProof(Verifier([world.verify_key]), SystemClock())

    def hear(bodies: Sequence[Any]) -> None:
        events, _ = proof.take_all(bodies)
        if events:
            replica.push(*events)

    listener = Listener(world.amqp_uri, {broadcast_queue("gate", "keys"): hear})
    listener.start()
    assert listener.wait_until_ready(30)
    commands = world.keys.commands
    organisation = commands.organisations.register("Railway", "premium", ORIGIN)
    world.keys.relay.run()
    replica.start()
    for number in range(KEYS):
        request = KeyRequest(description=Description(name=f"Key {number}"), permissions=("sensors:read",))
        created = commands.create(organisation, request, ORIGIN)
        if number % 2:
            commands.revoke(organisation, created.key_id, Reason.SUPERSEDED, None, ORIGIN)
        world.keys.relay.run()
    log = Log(world.urls)
    eventually(log.behind, lambda behind: behind == [], seconds=30)
    grants, place = log.folded()
    eventually(lambda: replica.grants.place, lambda reached: reached == place)
    assert replica.grants.state() == grants.state()
    replica.stop()
    listener.stop()
    log.close()
