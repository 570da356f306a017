"""Child processes of our own modules, which talk over a pair of sockets."""

import socket
import subprocess
import sys


def start_child(module: str) -> tuple["subprocess.Popen[bytes]", socket.socket]:
    """Starts `python -m MODULE DESCRIPTOR`: the process, and this side of the pair. It has no other output.

    What it is told goes over the socket: arguments and environment may be read by other users of the machine.
    """
    ours, its = socket.socketpair()
    with its:
        process = subprocess.Popen(  # noqa: S603  our own command
            [sys.executable, "-m", module, str(its.fileno())],
            pass_fds=(its.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    return process, ours
