"""SMTP of which a whole conversation is over by one deadline, however steadily the server's answers drip.

smtplib bounds each wait by itself, and there are as many as the server likes.
"""

import contextlib
import smtplib
import socket
import ssl
from typing import Any

from services.usage.notifications.senders.egress_guard import DeadlinePassed, left, system_resolve

_READ_BYTES = 4096


class SmtpWithDeadline(smtplib.SMTP):
    """`deadline`: by time.monotonic(). Everything raises DeadlinePassed beside what smtplib does."""

    _deadline: float

    def __init__(self, host: str, port: int, deadline: float) -> None:
        self._deadline = deadline  # before the other's, which connects
        super().__init__(host, port)

    def leave(self) -> None:
        """Says goodbye, and minds no answer to it: what was accepted stays accepted."""
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
    """TLS from the first byte."""

    def __init__(self, host: str, port: int, deadline: float, context: ssl.SSLContext) -> None:
        self._deadline = deadline
        smtplib.SMTP_SSL.__init__(self, host, port, context=context)


class _Lines:
    """What smtplib reads answers from."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline = connection, deadline
        self._unread = b""

    def readline(self, bytes_max: int) -> bytes:
        """Shorter, and without its end, when the server has gone."""
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
