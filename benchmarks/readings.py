"""Live readings on one sensors worker: from a message's publication on RabbitMQ until its samples can be read.

`python -m benchmarks.readings [--rate 300] [--devices 300] [--seconds 60] [--hours 0] [--sqlite]`: each device sends 32
samples of three axes in its turn. Broker, database (PostgreSQL with durable commits, or SQLite) and publisher are on
this machine. Each device sends one message before, which registers it; that and the first ten seconds are not measured.
Memory and processor time are the worker's, of what is measured. `--hours`: how long the devices sent before, one record
a quarter of a minute.
"""

from shared.messaging.eventlet_patching import cooperate  # isort: skip

cooperate()

# ruff: noqa: E402  everything below must find sockets, locks and threads already patched
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from amqp import Message
from kombu import Connection
from nameko.runners import ServiceRunner

from services.sensors import assembly
from services.sensors.live.receiver import Receiver
from services.sensors.networks.network import Settings
from services.sensors.service import SensorsService
from shared.messaging.entrypoints import COMPOSITION
from shared.messaging.readings.entrypoint import BATCH_MAX
from shared.messaging.readings.exchange import READINGS, readings_queue
from shared.messaging.readings.reading import Reading
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from tests.examples import ORGANISATION_ID, ORIGIN, NoBus
from tests.servers import Postgres, RabbitMq

WARM_SECONDS = 10
_PAGE_KB = 4


class Timed:
    """A receiver that tells of each batch how long ago its messages were published, and the worker's memory."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def take(self, readings: Sequence[Reading]) -> None:
        self._receiver.take(readings)
        now = time.time()
        late = [now - json.loads(reading.body)["cloud_t"] for reading in readings]
        memory_mb = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_KB / 1024
        told = {"late": late, "memory_mb": memory_mb, "processor": time.process_time()}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=300)
    parser.add_argument("--devices", type=int, default=300)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--hours", type=float, default=0)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        _work(*options.worker)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rabbitmq = RabbitMq(folder)
        postgres = None if options.sqlite else Postgres(folder)
        try:
            url = f"sqlite:///{folder}/sensors.sqlite3" if postgres is None else postgres.new_database()
            _measure(rabbitmq.new_vhost(), url, options)
        finally:
            rabbitmq.close()
            if postgres is not None:
                postgres.close()


def _measure(uri: str, url: str, options: argparse.Namespace) -> None:
    part = _assembled(url)
    network_id = part.networks.commands.create(ORGANISATION_ID, Settings(name="Bench"), ORIGIN)
    _send_before(part, network_id, options)
    part.database.close()
    with Connection(uri) as operator:
        readings_queue("sensors")(operator.channel()).declare()
    command = [sys.executable, "-m", "benchmarks.readings", "--worker", uri, url]
    with tempfile.TemporaryFile("w+") as output:
        worker = subprocess.Popen(command, stdout=output, text=True)
        try:
            _publish(uri, network_id, options, records=1, begin=0.0)
            known = len(_wait(output, options.devices))
            records = (WARM_SECONDS + options.seconds) * options.rate // options.devices
            sent = _publish(uri, network_id, options, records=records, begin=time.time())
            taken = _wait(output, options.devices + sent)[known:]
        finally:
            worker.kill()
            worker.wait()
    warm, count = WARM_SECONDS * options.rate, 0
    measured: list[Any] = []
    for batch in taken:
        if count >= warm:
            measured.append(batch)
        count += len(batch["late"])
    late = [one for batch in measured for one in batch["late"]]
    cuts = statistics.quantiles(late, n=100)
    memory = [batch["memory_mb"] for batch in measured]
    processor = measured[-1]["processor"] - measured[0]["processor"]
    of_processor = (len(late) - len(measured[0]["late"])) / processor
    print(
        f"{options.rate} readings/s of {options.devices} devices, {len(late):,} measured in batches of"
        f" {sent / len(taken):.0f}: readable after p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms;"
        f" {of_processor:,.0f} a processor second of the worker; memory {memory[0]:.0f} MB, then {memory[-1]:.0f} MB"
    )


def _send_before(part: assembly.Sensors, network_id: str, options: argparse.Namespace) -> None:
    """What gives the devices' clocks a past."""
    now = time.time()
    spacing = 16 * 32 / _rate_hz(options)
    for number in range(round(options.hours * 3600 / spacing), 0, -1):
        at = now - number * spacing
        bodies = [_body(device, round(at, 3), at, options) for device in range(options.devices)]
        readings = [Reading(account=None, network_id=network_id, body=body, sent_ns=None) for body in bodies]
        for first in range(0, len(readings), BATCH_MAX):
            part.receiver.take(readings[first : first + BATCH_MAX])


def _body(device: int, device_t: float, cloud_t: float, options: argparse.Namespace) -> bytes:
    axis = [number / 1000 for number in range(32)]
    times = {"device_t": device_t, "cloud_t": cloud_t, "sr": _rate_hz(options)}
    return json.dumps({"device_id": f"D{device}", "x": axis, "y": axis, "z": axis, **times}).encode()


def _rate_hz(options: argparse.Namespace) -> float:
    rate_hz: float = 32 * options.rate / options.devices
    return rate_hz


def _publish(uri: str, network_id: str, options: argparse.Namespace, *, records: int, begin: float) -> int:
    """How many messages: so many of each device. `begin`: when, evenly from then on; 0: now, all at once."""
    count: int = records * options.devices
    began = begin or time.time()
    with Connection(uri) as connection:
        channel = connection.channel()
        for number in range(count):
            due = began + number / options.rate if begin else 0.0
            while (left := due - time.time()) > 0:
                time.sleep(min(left, 0.005))
            now = time.time()
            record, device = divmod(number, options.devices)
            device_t = round(began + record * options.devices / options.rate + device / options.rate, 3)
            body = _body(device, device_t, now, options)
            channel.basic_publish(Message(body, delivery_mode=2), exchange=READINGS.name, routing_key=network_id)
    return count


def _wait(output: IO[str], sent: int) -> list[dict[str, Any]]:
    while True:
        output.seek(0)
        taken = [json.loads(line) for line in output if line.startswith("{") and line.endswith("}\n")]
        if sum(len(batch["late"]) for batch in taken) >= sent:
            return taken
        time.sleep(1)


def _assembled(url: str) -> assembly.Sensors:
    return assembly.assemble(Database(url), NoBus(), SystemClock(), Path(tempfile.mkdtemp()))


def _work(uri: str, url: str) -> None:
    part = _assembled(url)
    provided = part.provided() | {"clock": SystemClock(), "sensors.receiver": Timed(part.receiver)}
    runner = ServiceRunner({"AMQP_URI": uri, "max_workers": 10, COMPOSITION: provided})
    runner.add_service(SensorsService)
    runner.start()
    runner.wait()


if __name__ == "__main__":
    main()
