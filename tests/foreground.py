"""`python -m tests.foreground` (make stack): the stack in the foreground, until Ctrl-C.

As root its containers are held, and on the networks that docker-compose.yml gives them (networked.py); the ports that
are published are forwarded to this machine's loopback. What is not held is printed.
"""

import asyncio
import contextlib
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests import contained, networked
from tests.networked import NetworkedStack
from tests.prometheus import Prometheus, program
from tests.servers import Postgres, RabbitMq, Redis, free_port
from tests.shims.own_network import own_network
from tests.stack import Stack

FRONT_PORT = 8000
_BYTES_AT_ONCE = 65_536


class Published:
    """A port of the loopback that it is made on. It leads nowhere yet."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._listening = socket.create_server(("127.0.0.1", port), backlog=128)

    def lead_to(self, url: str) -> None:
        """To its address on the network of this thread, for as long as the process lasts."""
        threading.Thread(target=asyncio.run, args=(self._serve(url),), name="published", daemon=True).start()

    async def _serve(self, url: str) -> None:
        there = urlsplit(url)

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer), contextlib.suppress(OSError):
                from_there, to_there = await asyncio.open_connection(there.hostname, there.port)
                with contextlib.closing(to_there):
                    await asyncio.gather(_carry(reader, to_there), _carry(from_there, writer))

        server = await asyncio.start_server(connected, sock=self._listening)
        await server.serve_forever()


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while carried := await source.read(_BYTES_AT_ONCE):
            target.write(carried)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()


@dataclass(frozen=True, kw_only=True)
class Served:
    """`lines` tell a newcomer of it. `urls`: what answers on this machine's loopback."""

    stack: Stack
    admin_key: str
    urls: dict[str, str]
    lines: list[str]


@contextmanager
def serving(front_port: int = FRONT_PORT) -> Iterator[Served]:
    with ExitStack() as beside:
        folder = Path(beside.enter_context(tempfile.TemporaryDirectory()))
        ports = {"front": Published(front_port), "TLS": Published(free_port()), "Prometheus": Published(free_port())}
        urls = {name: f"http{'s' * (name == 'TLS')}://127.0.0.1:{port.port}" for name, port in ports.items()}
        if networked.why_not() is None:
            beside.enter_context(own_network())
            made: type[Stack] = NetworkedStack
        else:
            made = Stack
        postgres = beside.enter_context(closing(Postgres(folder)))
        rabbitmq = beside.enter_context(closing(RabbitMq(folder)))
        redis = beside.enter_context(closing(Redis(folder)))
        stack = beside.enter_context(closing(made(folder, postgres, rabbitmq, redis, public_url=urls["front"])))
        ports["front"].lead_to(stack.url)
        ports["TLS"].lead_to(stack.tls_url)
        organisation, key = stack.populate()
        lines = [f"Serving        {urls['front']}", f"               {urls['TLS']}"]
        lines += [f"Organisation   {organisation}", f"Admin key      {key}", *_not_held()]
        if program() is not None:
            prometheus = beside.enter_context(closing(Prometheus(folder, stack)))
            ports["Prometheus"].lead_to(prometheus.url)
            lines.append(f"Prometheus     {urls['Prometheus']}/alerts")
        yield Served(stack=stack, admin_key=key, urls=urls, lines=lines)


def _not_held() -> list[str]:
    """Of what docker-compose.yml says."""
    if reason := contained.why_not():
        return [f"Not contained  {reason}"]
    if reason := networked.why_not():
        return [f"One network    {reason}"]
    return ["Not contained  PostgreSQL, RabbitMQ, Redis, Prometheus; and the network `out` leads nowhere"]


def main() -> None:
    over = threading.Event()
    with serving() as served:
        sys.stdout.write("\n".join((*served.lines, "Ctrl-C stops it.", "")))
        sys.stdout.flush()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: over.set())
        while not over.wait(0.2):
            pass


if __name__ == "__main__":
    main()
