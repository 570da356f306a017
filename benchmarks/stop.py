"""How long a stop takes: `grillo up`, 20 times and once after a minute of use; each service of the stack.

`python -m benchmarks.stop [embedded|stack]`
"""

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from tests.e2e.running import Embedded
from tests.servers import Postgres, RabbitMq, Redis
from tests.stack import Stack

STOPS = 20
USED_SECONDS = 60.0
BETWEEN_REQUESTS_SECONDS = 0.25  # within the limit of a minute


def main(where: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        embedded(Path(name)) if where == "embedded" else stack(Path(name))


def embedded(folder: Path) -> None:
    seconds = [_stop_embedded(folder / str(number), used_seconds=1.0) for number in range(STOPS)]
    _say(f"grillo up, {STOPS} stops", max(seconds))
    _say(f"grillo up, after {USED_SECONDS:g} s of use", _stop_embedded(folder / "used", used_seconds=USED_SECONDS))


def stack(folder: Path) -> None:
    postgres, rabbitmq, redis = Postgres(folder), RabbitMq(folder), Redis(folder)
    try:
        running = Stack(folder, postgres, rabbitmq, redis)
        try:
            _, key = running.populate()
            for service, process in running.processes.items():
                with httpx.Client(base_url=running.url, headers={"Authorization": f"Bearer {key}"}) as client:
                    _use(client, 1.0)
                    _say(f"{service}, stop", _seconds_to_stop(process))
                began = time.monotonic()
                running.restart(service)
                _say(f"{service}, start until it is ready", time.monotonic() - began)
        finally:
            running.close()
    finally:
        redis.close()
        rabbitmq.close()
        postgres.close()


def _stop_embedded(data: Path, *, used_seconds: float) -> float:
    """With a connection that is kept open, as a caller's pool does."""
    with Embedded(data) as system, system.admin() as client:
        _use(client, used_seconds)
        return _seconds_to_stop(system.process)


def _use(client: httpx.Client, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        client.get("/v1/keys").raise_for_status()
        time.sleep(BETWEEN_REQUESTS_SECONDS)


def _seconds_to_stop(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> float:
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    process.wait(120)
    return time.monotonic() - began


def _say(what: str, seconds: float) -> None:
    sys.stdout.write(f"{what:40} {seconds:6.2f} s at most\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "embedded")
