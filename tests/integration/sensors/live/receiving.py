"""The sensors worker on RabbitMQ: `receiving.py AMQP_URI FOLDER [OPTION]` tells each batch as a line of JSON.

`die`: it ends by SIGKILL once its first batch is durable, before that is acknowledged; `writes=N`: after its N-th
write; `acknowledged`: right after it has acknowledged a batch. `busy`: its database cannot be written at first.
`unsure`: its first batch is durable, and its database did not say so.
"""

from shared.messaging.eventlet_patching import cooperate  # isort: skip

cooperate()

# ruff: noqa: E402  everything below must find sockets, locks and threads already patched
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import eventlet
from kombu.message import Message
from nameko.runners import ServiceRunner

from services.sensors import assembly
from services.sensors.live.receiver import Receiver
from services.sensors.service import SensorsService
from shared.messaging.accounts.rules import Accounts, RpcAccount
from shared.messaging.entrypoints import ACCOUNTS, COMPOSITION
from shared.messaging.readings.reading import Reading
from shared.runtime.clock import SystemClock
from shared.sql.database import Database, DatabaseBusy
from tests.examples import NoBus
from tests.killed import Steps
from tests.servers import RPC_ACCOUNTS

OTHERS = {
    name: RpcAccount(methods=frozenset(), networks=frozenset(listed.get("networks", [])))
    for name, listed in RPC_ACCOUNTS.items()
}


class Telling:
    """A receiver whose batches are told when they are durable."""

    def __init__(self, receiver: Receiver, option: str) -> None:
        self._receiver, self._dies, self._busy = receiver, option == "die", 2 * (option == "busy")
        self._is_unsure = option == "unsure"
        if option.startswith("writes="):
            Steps(int(option.removeprefix("writes=")))
        elif option == "acknowledged":
            _die_of_acknowledging()

    def take(self, readings: Sequence[Reading]) -> None:
        if self._busy:
            self._busy -= 1
            raise DatabaseBusy("held by another writer")
        self._receiver.take(readings)
        if self._is_unsure:
            self._is_unsure = False
            raise DatabaseBusy("gone while it committed")
        sys.stdout.write(json.dumps({"taken": len(readings)}) + "\n")
        sys.stdout.flush()
        if self._dies:
            os.kill(os.getpid(), signal.SIGKILL)


def _die_of_acknowledging() -> None:
    acknowledge = Message.ack

    def acknowledge_and_die(self: Message, multiple: bool = False) -> None:
        acknowledge(self, multiple)
        os.kill(os.getpid(), signal.SIGKILL)

    Message.ack = acknowledge_and_die


def main(amqp_uri: str, folder: Path, option: str = "") -> None:
    database = Database.sqlite(folder / "sensors.sqlite3")
    part = assembly.assemble(database, NoBus(), SystemClock(), folder / "samples")
    provided = part.provided() | {
        "clock": SystemClock(),
        "sensors.receiver": Telling(part.receiver, option),
    }
    accounts = Accounts(demanded=True, others=OTHERS)
    runner = ServiceRunner({"AMQP_URI": amqp_uri, "max_workers": 10, COMPOSITION: provided, ACCOUNTS: accounts})
    runner.add_service(SensorsService)
    signal.signal(signal.SIGTERM, lambda *_: eventlet.spawn_n(runner.stop))
    runner.start()
    runner.wait()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
