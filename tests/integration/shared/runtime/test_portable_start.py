"""What only Linux has is not needed at the start: the embedded system is read where it is missing, as on macOS."""

import subprocess
import sys

WITHOUT_WHAT_LINUX_ALONE_HAS = """
import os, resource, socket, time
for module, name in ((time, "CLOCK_BOOTTIME"), (os, "posix_fallocate"), (socket, "TCP_QUICKACK"), (os, "fdatasync")):
    delattr(module, name)

def refuse(*_):
    raise ValueError("not allowed to raise maximum limit")

resource.setrlimit = refuse
import services.embedded.system
from services.embedded.server import raise_file_limit
from shared.runtime.clock import SystemClock

before = time.clock_gettime(time.CLOCK_MONOTONIC)
assert before <= SystemClock.elapsed_seconds() <= time.clock_gettime(time.CLOCK_MONOTONIC)
assert raise_file_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
"""


def test_the_embedded_system_is_read_where_linux_s_own_is_missing() -> None:
    command = [sys.executable, "-W", "ignore", "-c", WITHOUT_WHAT_LINUX_ALONE_HAS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
