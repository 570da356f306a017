"""The same Granian and the same Falcon with no gate: the gate's answer, made up once."""

import sys
from pathlib import Path
from typing import Any

import falcon
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from benchmarks.contenders.answer import BODY, HEADERS, PATH
from benchmarks.contenders.server import Server
from tests.servers import free_port

THREADS = 4  # as many as services/distributed/web.py gives to sensors


class Constant:
    def on_get(self, _request: falcon.Request, response: falcon.Response) -> None:
        response.data, response.content_type = BODY, "application/json"
        response.set_headers(HEADERS)


def app() -> Any:
    """What the Granian worker calls once."""
    falcon_app = falcon.App()
    falcon_app.add_route(PATH, Constant())
    return falcon_app


def plain(folder: Path, name: str = "plain") -> Server:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.contenders.plain", str(port)]
    return Server(name, command, port, folder, ready_path=PATH, is_measured=True)


def main(port: int) -> None:
    Granian(
        "benchmarks.contenders.plain:app",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        workers=1,
        blocking_threads=THREADS,
        factory=True,
        log_level=LogLevels.error,
        log_access=False,
        workers_kill_timeout=10,
    ).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]))
