"""The connections of one service to the others, through forwarders on loopback that a test cuts and mends."""

import contextlib
import socket
import threading
import time
from typing import Literal

_BYTES_AT_ONCE = 65_536

Cut = Literal["refused", "silent"]


class Lines:
    """All of them are cut together: `refused` ends each and takes no other; `silent` carries nothing, and says so to
    nobody, as a network that loses everything."""

    def __init__(self) -> None:
        self._listening: dict[int, socket.socket] = {}
        self._connected: list[socket.socket] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._refusing = False
        self.delay_seconds = 0.0  # of each piece that is carried, either way

    def to(self, port: int) -> int:
        """The port on which to reach it by a line."""
        if port not in self._listening:
            self._listening[port] = socket.create_server(("127.0.0.1", 0), backlog=128)
            threading.Thread(target=self._accept, args=(self._listening[port], port), daemon=True).start()
        found: int = self._listening[port].getsockname()[1]
        return found

    def cut(self, how: Cut) -> None:
        if how == "silent":
            self._flowing.clear()
        else:
            self._refusing = True
            self._end_all()

    def mend(self) -> None:
        self._refusing = False
        self._flowing.set()

    def close(self) -> None:
        self.mend()
        for listening in self._listening.values():
            _end(listening)
        self._end_all()

    def _accept(self, listening: socket.socket, port: int) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = listening.accept()
                self._connect(client, port)

    def _connect(self, client: socket.socket, port: int) -> None:
        try:
            server = self._reach(port)
        except OSError:
            _end(client)
            return
        self._connected += (client, server)
        if self._refusing:  # asked last: a cut meanwhile has not seen these two, or ends them itself
            _end(client, server)
        for ends in ((client, server), (server, client)):
            threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _reach(self, port: int) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port))

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while carried := source.recv(_BYTES_AT_ONCE):
                self._flowing.wait()
                time.sleep(self.delay_seconds)
                target.sendall(carried)
        _end(source, target)

    def _end_all(self) -> None:
        _end(*self._connected)
        self._connected.clear()


def _end(*ends: socket.socket) -> None:
    """A shutdown, for it wakes whoever waits in another thread, as closing does not."""
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
