"""Ends of processes: a process ends with the one that started it, however that one ends; what one does at its own end.

Where the supervisor is a container's first process the kernel sees to it; anywhere else a killed supervisor would leave
its children behind, on the ports that the next one needs.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.util import Finalize

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def at_end(what: Callable[[], object]) -> None:
    """Done when this process ends by itself. Before Python 3.13 atexit forgets it in a process that was forked."""
    Finalize(None, what, exitpriority=0)


def end_with(parent_pid: int) -> None:
    """To be called by the child, in its main thread. Elsewhere than on Linux a killed parent leaves it."""
    if sys.platform == "linux" and _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent_pid:  # it ended before the kernel was asked
        os._exit(1)
