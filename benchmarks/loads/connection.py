"""One kept connection to a server, one request at a time: no client library between the clock and the socket."""

import socket
from urllib.parse import urlsplit

_END_OF_HEAD = b"\r\n\r\n"
_BYTES_AT_ONCE = 65_536


def request_to(url: str, authorization: str) -> bytes:
    """A GET."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    # What forward-auth asks about; all others pass over these two.
    original = "X-Original-Method: GET\r\nX-Original-URI: /"
    head = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n{original}\r\nAuthorization: {authorization}\r\n\r\n"
    return head.encode()


class Connection:
    """`begun`: the second from which the request under way counts."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.begun = 0.0
        self._received = b""

    def send(self, request: bytes, begun: float) -> None:
        self.begun = begun
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """The answer's status, once it is here whole: its head, and as many bytes as that says."""
        received = self.socket.recv(_BYTES_AT_ONCE)
        assert received, "the server closed the connection"
        self._received += received
        head, found, body = self._received.partition(_END_OF_HEAD)
        if not found or len(body) < _content_length(head):
            return None
        self._received = b""
        return int(head[9:12])

    def ask(self, request: bytes) -> int:
        """Waits for the answer."""
        self.send(request, 0.0)
        while (status := self.receive()) is None:
            pass
        return status


def _content_length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0])
