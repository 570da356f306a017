"""A network for tests alone, on which packets are lost: between two ends, one way or both, and nobody is told."""

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from typing import Literal

from tests.servers import free_port

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_LIBC = ctypes.CDLL(None, use_errno=True)
_TABLE = """
table ip grillo {
    set there { type inet_service; }
    set back { type inet_service; }
    chain named { type nat hook output priority -100; }
    chain lost {
        type filter hook input priority 0;
        meta l4proto tcp ct direction original ct original proto-dst @there drop
        meta l4proto tcp ct direction reply ct original proto-dst @back drop
    }
}
"""

Way = Literal["there", "back"]


class OwnNetwork:
    """A loopback. A connection is told from others by the port that was asked for, which leads to another one."""

    def to(self, port: int) -> int:
        """A port of its own by which it is reached from now on."""
        own = free_port()
        _nft(f"add rule ip grillo named tcp dport {own} redirect to :{port}")
        return own

    def part(self, port: int, *ways: Way) -> None:
        """Loses what goes to it from who asked, or what comes back; what is on its way, too."""
        for way in ways:
            _nft(f"add element ip grillo {way} {{ {port} }}")

    def heal(self) -> None:
        _nft("flush set ip grillo there; flush set ip grillo back")


@contextlib.contextmanager
def own_network() -> Iterator[OwnNetwork]:
    """This thread is on it until the end, and so are all threads and processes that it starts. Needs root."""
    with open("/proc/thread-self/ns/net") as before:
        _call(_LIBC.unshare(_NEW_NETWORK))
        try:
            subprocess.run(["/usr/sbin/ip", "link", "set", "lo", "up"], check=True)
            _nft(_TABLE)
            yield OwnNetwork()
        finally:
            _call(_LIBC.setns(before.fileno(), _NEW_NETWORK))


def _call(failed: int) -> None:
    if failed:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _nft(commands: str) -> None:
    subprocess.run(["/usr/sbin/nft", "-f", "-"], input=commands, text=True, check=True)
