"""Draining: how a public door stops while another of its service serves, so that the front loses no request.

A proxy that keeps connections may send into one in the moment in which it is closed, and the kernel takes connections
that no process has accepted yet: both end in a reset, after which nobody may send a POST again. So for DRAIN_SECONDS,
which is longer than the front keeps a connection that rests, each answer ends its connection. Then the kernel drops
what asks for a new one, while those that it has are accepted, and only then the door closes: who was dropped asks again
within a second, is refused, and goes to the other.
"""

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from shared.web.admission import Wsgi

_SIGNAL = signal.SIGUSR1
# Until handshakes that were under way are over, and until what they brought is accepted: each a moment.
_HANDSHAKE_SECONDS = 0.1
# IP_MINTTL and IPV6_MINHOPCOUNT: packets with a lower TTL are dropped, and no sender's begins as high as that. A filter
# of packets would need a capability.
_TTL_MIN = {socket.AF_INET: (socket.IPPROTO_IP, 21), socket.AF_INET6: (socket.IPPROTO_IPV6, 73)}
_UNREACHED = 255


def drain_before_sigterm(seconds: float) -> Callable[[], None]:
    """To be called in the process that looks after the workers, once it handles SIGTERM: by then they are to drain.

    SIGINT stops at once, as ever. A second SIGTERM does, too.
    """

    def take_over() -> None:
        stop: Any = signal.getsignal(signal.SIGTERM)

        def drain(number: int, frame: FrameType | None) -> None:
            signal.signal(signal.SIGTERM, stop)
            for worker in multiprocessing.active_children():
                if worker.pid is not None:
                    os.kill(worker.pid, _SIGNAL)
            threading.Timer(seconds + 3 * _HANDSHAKE_SECONDS, stop, (number, frame)).start()

        signal.signal(signal.SIGTERM, drain)

    return take_over


class Draining:
    """A worker's WSGI application, which drains once it is told to."""

    def __init__(self, application: Wsgi, port: int, seconds: float) -> None:
        self._application, self._port, self._seconds = application, port, seconds
        self._is_draining = False
        signal.signal(_SIGNAL, self._drain)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if not self._is_draining:
            return self._application(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, [*headers, ("Connection", "close")], *error)

        return self._application(environ, start)

    def _drain(self, _number: int, _frame: FrameType | None) -> None:
        self._is_draining = True
        closing = threading.Timer(self._seconds, drop_new_connections, (self._port,))
        closing.daemon = True
        closing.start()


def drop_new_connections(port: int) -> None:
    """This process accepts what is on its way there, and the kernel drops, unanswered, what comes from now on."""
    _set_ttl_min(port)
    # A connection whose handshake was under way has it of the socket that listens: once more, for those.
    time.sleep(_HANDSHAKE_SECONDS)
    _set_ttl_min(port)


def _set_ttl_min(port: int) -> None:
    for entry in Path("/proc/self/fd").glob("*"):  # the server tells nobody which it is; elsewhere than on Linux, none
        with suppress(OSError):  # closed meanwhile
            if entry.is_socket():
                with socket.socket(fileno=os.dup(int(entry.name))) as copy:
                    _set_if_there(copy, port)


def _set_if_there(of: socket.socket, port: int) -> None:
    if of.family in _TTL_MIN and of.getsockname()[1] == port:
        is_listening = of.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        of.setsockopt(*_TTL_MIN[of.family], _UNREACHED if is_listening else 0)
