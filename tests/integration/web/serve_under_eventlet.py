"""Serves the tiny application as the embedded whole does, and says on which port."""

import warnings

warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated")

import eventlet

eventlet.monkey_patch()

# ruff: noqa: E402  everything below must find sockets and threads already patched
import os

from services.embedded.server import Server, connection_limits, raise_file_limit
from tests.integration.web.tiny import PUBLIC_URL, served

if __name__ == "__main__":
    listening = eventlet.listen(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)  # noqa: T201  the test reads it
    seconds = float(os.environ.get("PATIENCE_SECONDS", "15"))
    connections, _ = connection_limits(raise_file_limit())
    if "CONNECTIONS" in os.environ:
        connections = int(os.environ["CONNECTIONS"])
    server = Server(
        listening,
        served(),
        public_url=PUBLIC_URL,
        connections_max=connections,
        head_seconds_max=seconds,
        body_seconds_max=seconds,
    )
    while server.is_serving():
        eventlet.sleep(0.1)
