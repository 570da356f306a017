"""SMTP client with one deadline for the whole conversation, however slowly the server's answers drip.

smtplib bounds each wait by itself, and a server can cause any number of them.
"""

import contextlib
import smtplib
import socket
import ssl
from typing import Any

from services.usage.notifications.senders.egress_guard import DeadlinePassed, left, system_resolve

_READ_BYTES = 4096


class SmtpWithDeadline(smtplib.SMTP):
    """`deadline`: by time.monotonic(). Every method may raise DeadlinePassed besides what smtplib raises."""

    _deadline: float

    def __init__(self, host: str, port: int, deadline: float) -> None:
        self._deadline = deadline  # before the base class's, which connects
        super().__init__(host, port)

    def leave(self) -> None:
        """Sends QUIT and closes, ignoring faults: what the server accepted stays accepted."""
        with contextlib.suppress(DeadlinePassed, smtplib.SMTPException, OSError):
            self.quit()
        self.close()

    def send(self, s: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(left(self._deadline))
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Lines(self.sock, self._deadline)
        return super().getreply()

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        failed = OSError("no address")
        for address in system_resolve(host, port):
            try:
                return socket.create_connection((address, port), left(self._deadline))
            except OSError as error:
                failed = error
        raise failed


class SmtpsWithDeadline(smtplib.SMTP_SSL, SmtpWithDeadline):
    """The same with TLS from the first byte."""

    def __init__(self, host: str, port: int, deadline: float, context: ssl.SSLContext) -> None:
        self._deadline = deadline
        smtplib.SMTP_SSL.__init__(self, host, port, context=context)


class _Lines:
    """Line reader with a deadline, from which smtplib reads answers."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline = connection, deadline
        self._unread = b""

    def readline(self, bytes_max: int) -> bytes:
        """One line; without its line end when the server closed the connection or the line is too long."""
        while b"\n" not in self._unread and len(self._unread) < bytes_max:
            self._connection.settimeout(left(self._deadline))
            try:
                part = self._connection.recv(_READ_BYTES)
            except TimeoutError:
                raise DeadlinePassed from None
            if not part:
                break
            self._unread += part
        end = self._unread.find(b"\n") + 1 or len(self._unread)
        line, self._unread = self._unread[: min(end, bytes_max)], self._unread[min(end, bytes_max) :]
        return line

    def close(self) -> None:
        self._unread = b""
