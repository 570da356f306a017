"""Readings over RabbitMQ: acknowledged when durable, counted once whatever dies, believed of their networks alone."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from amqp import Message
from kombu import Connection
from sqlalchemy import insert

from services.sensors import tables
from services.sensors.accounting.account import Account
from services.sensors.arrival import senders
from services.sensors.assembly import MIGRATIONS
from shared.messaging.readings.exchange import READINGS, readings_queue
from shared.sql.database import Database
from shared.sql.migrations import migrate
from tests.examples import ORGANISATION_ID
from tests.integration.sensors.live.messages import BRIDGE, archived, undated
from tests.servers import RPC_ACCOUNTS, RabbitMq

NETWORK_ID = RPC_ACCOUNTS[BRIDGE]["networks"][0]
MESSAGES, OF_RECORD = 40, 96
QUEUE = readings_queue("sensors")
pytestmark = pytest.mark.xdist_group("distributed")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """With the bridge's network."""
    database = Database.sqlite(tmp_path / "sensors.sqlite3")
    migrate(database, MIGRATIONS)
    row = {"id": NETWORK_ID, "organisation_id": ORGANISATION_ID, "name": "Mexico", "created_at": "", "detection": "{}"}
    with database.transaction() as tx:
        tx.execute(insert(tables.network).values(**row, api_access=True, accepts_new=True, archived=False, revision=1))
    yield database
    database.close()


@contextmanager
def worker(uri: str, folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.integration.sensors.live.receiving", RabbitMq.as_account(uri, "sensors")]
    process = subprocess.Popen([*command, str(folder), *options], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def taken(process: subprocess.Popen[str], most: int) -> Iterator[int]:
    """Sizes of batches, until so many messages were taken."""
    count = 0
    assert process.stdout is not None
    for line in process.stdout:
        if not line.startswith("{"):
            continue  # of the log
        size = json.loads(line)["taken"]
        count += size
        yield size
        if count >= most:
            return


def publish(uri: str, account: str, messages: list[dict[str, Any]]) -> None:
    with Connection(uri) as connection:
        channel = connection.channel()
        for message in messages:
            channel.basic_publish_confirm(
                Message(json.dumps(message).encode(), user_id=account, delivery_mode=2),
                exchange=READINGS.name,
                routing_key=NETWORK_ID,
            )


def test_what_was_durable_when_its_worker_was_killed_comes_again_and_is_counted_as_repeated(
    rabbitmq: RabbitMq, database: Database, tmp_path: Path
) -> None:
    uri = rabbitmq.new_vhost()
    with Connection(uri) as operator:
        QUEUE(operator.channel()).declare()
    publish(uri, "grillo", [archived(0, "999")])  # an account with every right, and no bridge
    messages = [archived(number) for number in range(MESSAGES - 5)]
    messages += [undated(0, f"01{number}") for number in range(5)]
    publish(RabbitMq.as_account(uri, BRIDGE), BRIDGE, messages)
    with worker(uri, tmp_path, "die") as process:
        durable = sum(taken(process, 1))
        assert process.wait() == -signal.SIGKILL
    with worker(uri, tmp_path) as process:
        assert sum(taken(process, MESSAGES)) == MESSAGES
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    with database.reading() as tx:
        account = senders.of_sender(tx, BRIDGE)
        assert senders.of_sender(tx, "grillo") == Account()
    assert account == Account(new=MESSAGES * OF_RECORD, repeated=durable * OF_RECORD, reasons={"": 0})
    with Connection(uri) as operator:
        assert operator.channel().queue_declare(QUEUE.name, passive=True).message_count == 0


def test_workers_that_are_killed_while_they_store_or_once_they_have_acknowledged_lose_and_repeat_nothing(
    rabbitmq: RabbitMq, database: Database, tmp_path: Path
) -> None:
    uri = rabbitmq.new_vhost()
    with Connection(uri) as operator:
        QUEUE(operator.channel()).declare()
    bridge = RabbitMq.as_account(uri, BRIDGE)
    publish(bridge, BRIDGE, [archived(number, "001") for number in range(MESSAGES - 1)] + [undated(0, "002")])
    stored = 0  # a first batch may be of two messages, or of all
    for writes in (1, 30):  # while it registers the sensors, and while it stores samples
        with worker(uri, tmp_path, f"writes={writes}") as process:
            stored += sum(taken(process, MESSAGES))
            assert process.wait() == -signal.SIGKILL
    assert stored < MESSAGES
    with worker(uri, tmp_path, "acknowledged") as process:
        stored += sum(taken(process, MESSAGES))
        assert process.wait() == -signal.SIGKILL
    publish(bridge, BRIDGE, [undated(0, "003")])
    with worker(uri, tmp_path) as process:
        assert sum(taken(process, MESSAGES + 1 - stored)) == MESSAGES + 1 - stored
    with database.reading() as tx:
        assert senders.of_sender(tx, BRIDGE) == Account(new=(MESSAGES + 1) * OF_RECORD, reasons={"": 0})


def test_what_was_durable_although_it_is_tried_again_is_counted_once(
    rabbitmq: RabbitMq, database: Database, tmp_path: Path
) -> None:
    uri = rabbitmq.new_vhost()
    with Connection(uri) as operator:
        QUEUE(operator.channel()).declare()
    publish(RabbitMq.as_account(uri, BRIDGE), BRIDGE, [undated(0, f"01{number}") for number in range(5)])
    with worker(uri, tmp_path, "unsure") as process:
        assert sum(taken(process, 5)) == 5
    with database.reading() as tx:
        assert senders.of_sender(tx, BRIDGE).new == 5 * OF_RECORD


def test_what_cannot_be_stored_yet_is_kept_and_tried_again(
    rabbitmq: RabbitMq, database: Database, tmp_path: Path
) -> None:
    uri = rabbitmq.new_vhost()
    with Connection(uri) as operator:
        QUEUE(operator.channel()).declare()
    publish(RabbitMq.as_account(uri, BRIDGE), BRIDGE, [archived(number) for number in range(MESSAGES)])
    with worker(uri, tmp_path, "busy") as process:
        assert sum(taken(process, MESSAGES)) == MESSAGES
    with database.reading() as tx:
        assert senders.of_sender(tx, BRIDGE) == Account(new=MESSAGES * OF_RECORD, reasons={"": 0})
