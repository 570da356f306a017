"""eventlet's WSGI server on one listening socket, made to last: it accepts whatever comes, and waits for nobody long.

It keeps no access log: URLs may carry keys. How it reads requests is in http_protocol.py. Import it after eventlet has
patched sockets and threads.
"""

import errno
import resource
from collections.abc import Callable, Sequence
from typing import Any

import eventlet
import greenlet
import structlog
from eventlet import wsgi

from services.embedded.http_protocol import HttpProtocol
from services.embedded.request_body import HalfRead

DRAIN_SECONDS_MAX = 1.0
HEAD_SECONDS_MAX = 15.0  # also how long a kept connection may be idle
BODY_SECONDS_MAX = 30.0
HALF_READ = 1 / 4
_SOCKET_SECONDS_MAX = 30
_ACCEPT_AGAIN_SECONDS = 0.05
_PUBLIC_CONNECTIONS_MAX = 1000
_INTERNAL_CONNECTIONS_MAX = 100
_log = structlog.get_logger(__name__)


class Server:
    def __init__(
        self,
        listening: Any,
        app: Callable[..., Any],
        *,
        public_url: str,
        connections_max: int,
        head_seconds_max: float = HEAD_SECONDS_MAX,
        body_seconds_max: float = BODY_SECONDS_MAX,
    ) -> None:
        """Serves from now on. `connections_max`: those beyond wait in the kernel's queue. `public_url`: of problems.

        Of the connections, HALF_READ at most wait for the rest of a body.
        """
        self._connections = eventlet.GreenPool(connections_max)
        self._listening = Listening(listening)
        told = {
            "head_seconds_max": head_seconds_max,
            "body_seconds_max": body_seconds_max,
            "half_read": HalfRead(max(1, int(connections_max * HALF_READ))),
            "public_url": public_url,
        }
        self._thread = eventlet.spawn(
            wsgi.server,
            self._listening,
            app,
            custom_pool=self._connections,
            protocol=type("_Protocol", (HttpProtocol,), told),
            log_output=False,
            debug=False,
            socket_timeout=_SOCKET_SECONDS_MAX,
        )

    def is_serving(self) -> bool:
        return not (self._listening.is_broken or self._thread.dead)

    def refuse_new(self) -> None:
        """No new connections; idle ones are closed."""
        self._thread.kill()

    def close(self) -> None:
        """Ends what is still being answered."""
        for connection in list(self._connections.coroutines_running):
            connection.kill()
        self._listening.close()

    def wait(self) -> None:
        """Until every connection is closed."""
        self._connections.waitall()


def stop(servers: Sequence[Server]) -> None:
    """Requests that are being answered get a moment in all, and not each server its own."""
    for server in servers:
        server.refuse_new()
    with eventlet.Timeout(DRAIN_SECONDS_MAX, False):
        for server in servers:
            server.wait()
    for server in servers:
        server.close()


class Listening:
    """A listening socket whose accept outlives want of descriptors, and callers that hang up."""

    def __init__(self, listening: Any) -> None:
        self._socket, self.is_broken = listening, False

    def accept(self) -> Any:
        """Ends its greenlet, quietly, when the socket itself is gone: `is_broken` tells."""
        while True:
            try:
                return self._socket.accept()
            except OSError as error:
                if error.errno in (errno.EBADF, errno.EINVAL, errno.ENOTSOCK):
                    self.is_broken = True
                    raise greenlet.GreenletExit from error
                _log.warning("accept_failed", detail=error.strerror)
                eventlet.sleep(_ACCEPT_AGAIN_SECONDS)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


def raise_file_limit() -> int:
    """As many open files as the system grants this process; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # macOS says "unlimited", and refuses it
        return soft
    return hard


def connection_limits(files_max: int) -> tuple[int, int]:
    """(public, internal) connections at once: at most half of the files, for databases and the bus need theirs."""
    if files_max == resource.RLIM_INFINITY:
        return _PUBLIC_CONNECTIONS_MAX, _INTERNAL_CONNECTIONS_MAX
    return min(_PUBLIC_CONNECTIONS_MAX, files_max * 2 // 5), min(_INTERNAL_CONNECTIONS_MAX, files_max // 10)
