"""Child processes of our own modules, which talk over a pair of sockets."""

import os
import socket
import subprocess
import sys

_METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # as prometheus_client reads it


def start_child(module: str) -> tuple["subprocess.Popen[bytes]", socket.socket]:
    """Starts `python -m MODULE DESCRIPTOR`: the process, and this side of the pair. It has no other output.

    What it is told goes over the socket: arguments and environment may be read by other users of the machine.
    Its metrics are nobody's: in the folder that its maker's processes share, each child would leave files behind.
    """
    environment = {name: value for name, value in os.environ.items() if name != _METRICS_FOLDER}
    ours, its = socket.socketpair()
    with its:
        process = subprocess.Popen(  # noqa: S603  our own command
            [sys.executable, "-m", module, str(its.fileno())],
            pass_fds=(its.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment,
        )
    return process, ours
