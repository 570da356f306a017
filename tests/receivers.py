"""Receivers of webhooks, real servers on loopback: they answer as told, and keep what they were sent."""

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "hooks.example.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    at: float
    path: str
    headers: dict[str, str]
    body: str


@dataclass
class Receiver:
    """`answer(connection, received)` writes whatever it likes to the socket; the connection is closed behind it."""

    answer: Callable[[socket.socket, Received], None]
    context: ssl.SSLContext | None = None
    received: list[Received] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.is_closing = threading.Event()
        self._arrived = threading.Condition()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def url(self, path: str = "/hook", host: str = "127.0.0.1") -> str:
        return f"{'http' if self.context is None else 'https'}://{host}:{self.port}{path}"

    def wait_for(self, count: int, seconds: float = 60) -> list[Received]:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.received) >= count, seconds), f"only {self.received}"
            return list(self.received)

    def close(self) -> None:
        self.is_closing.set()
        # Closing alone does not wake a thread that waits in accept.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        while not self.is_closing.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            with connection:
                stream = connection if self.context is None else self.context.wrap_socket(connection, server_side=True)
                received = _read(stream)
                with self._arrived:
                    self.received.append(received)
                    self._arrived.notify_all()
                self.answer(stream, received)
                stream.close()
        except OSError:
            pass  # the sender had enough: which is what some of these are for


@contextmanager
def receiver(
    answer: Callable[[socket.socket, Received], None], context: ssl.SSLContext | None = None
) -> Iterator[Receiver]:
    running = Receiver(answer, context)
    try:
        yield running
    finally:
        running.close()


def status(code: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Callable[..., None]:
    lines = [f"HTTP/1.1 {code} Status", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    whole = "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body

    def answer(connection: socket.socket, _: Received) -> None:
        connection.sendall(whole)

    return answer


def hang(connection: socket.socket, _: Received) -> None:
    """Says nothing until the other side gives up."""
    connection.recv(1)


def drip(connection: socket.socket, _: Received) -> None:
    """A byte every now and then, for ever: no single read takes long."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10_000:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def _read(connection: socket.socket) -> Received:
    raw = b""
    while b"\r\n\r\n" not in raw:
        part = connection.recv(65_536)
        if not part:
            raise ConnectionResetError
        raw += part
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65_536)
    return Received(at=time.time(), path=first.split(" ")[1], headers=headers, body=body.decode())


def certificates(folder: Path, name: str = HOST) -> tuple[ssl.SSLContext, Path]:
    """A server's context for that name, and the file of who vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([_general_name(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, private = folder / f"{name}.pem", folder / f"{name}.key"
    trusted.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form: Any = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    private.write_bytes(key.private_bytes(*form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, trusted


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
