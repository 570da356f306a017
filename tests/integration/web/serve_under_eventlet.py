"""Serves the tiny application as the embedded whole does, and says on which port."""

import warnings

warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated")

import eventlet

eventlet.monkey_patch()

# ruff: noqa: E402  everything below must find sockets and threads already patched
from eventlet import wsgi

from tests.integration.web.tiny import served

if __name__ == "__main__":
    listening = eventlet.listen(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)  # noqa: T201  the test reads it
    wsgi.server(listening, served(), log_output=False, debug=False)
