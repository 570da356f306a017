"""As many requests a second as is said, whatever the answers take: an open loop with random arrivals (Poisson's).

A request that must wait for a connection, because answers are slow, counts from the moment when it was due: what slow
answers hold up is not left out (no coordinated omission). What this process sends late, for want of a core, counts from
when it is sent; the lateness is told apart.
`python -m benchmarks.loads.paced FILE PER_SECOND SECONDS URL…` prints what came of it as JSON.
"""

import gc
import random
import select
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import msgspec

from benchmarks.loads.connection import Connection, request_to

CONNECTIONS = 64
# More than any server here takes: what comes of it is what it takes.
WITHOUT_END = 30_000.0
_SEED = 5
_OVERTIME_SECONDS = 0.5


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds until the whole answer. `late_…`: by how much this process was late, which is not in them.

    `unsent`: those that were due, and for which there was no free connection before the end.
    """

    answered: int
    unsent: int
    per_second: float
    failed: int
    p50_ms: float
    p99_ms: float
    late_p50_ms: float
    late_p99_ms: float


class PacedLoad:
    """In a process of its own, until it is over."""

    def __init__(self, headers: Path, per_second: float, seconds: float, urls: Sequence[str]) -> None:
        """Each URL gets an equal part."""
        arguments = [str(headers), str(per_second), str(seconds), *urls]
        command = [sys.executable, "-m", "benchmarks.loads.paced", *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)

    def is_over(self) -> bool:
        return self._process.poll() is not None

    def stop(self) -> None:
        """Before its time; nothing is told then."""
        self._process.terminate()
        self._process.communicate()

    def told(self) -> Told:
        """Waits for its end."""
        output, _ = self._process.communicate()
        assert self._process.returncode == 0
        return msgspec.json.decode(output, type=Told)


class _Target:
    """One URL: connections that are free, requests that wait for one."""

    def __init__(self, url: str, authorizations: Sequence[str], connections: int) -> None:
        self.connections = [Connection(url) for _ in range(connections)]
        self._free = deque(self.connections)
        self._requests = cycle([request_to(url, authorization) for authorization in authorizations])
        self.waiting = deque[float]()
        self.times: list[float] = []
        self.lateness: list[float] = []
        self.statuses: list[int] = []

    def due(self, moment: float) -> None:
        now = time.perf_counter()
        self.lateness.append(now - moment)
        if self._free:
            self._send(now)
        else:
            self.waiting.append(moment)

    def read(self, connection: Connection, is_over: bool) -> None:
        status = connection.receive()
        if status is None:
            return
        self.times.append(time.perf_counter() - connection.begun)
        self.statuses.append(status)
        self._free.append(connection)
        if self.waiting and not is_over:
            self._send(self.waiting.popleft())

    def under_way(self) -> int:
        return len(self.connections) - len(self._free)

    def _send(self, begun: float) -> None:
        self._free.popleft().send(next(self._requests), begun)


def run(headers: Path, per_second: float, seconds: float, urls: Sequence[str]) -> Told:
    authorizations = headers.read_text().splitlines()
    targets = [_Target(url, authorizations, CONNECTIONS // len(urls)) for url in urls]
    at = {connection.socket.fileno(): (target, connection) for target in targets for connection in target.connections}
    descriptors, turns, chance = list(at), cycle(targets), random.Random(_SEED)
    now = began = time.perf_counter()
    over, due = began + seconds, began
    while now < over + _OVERTIME_SECONDS and (now < over or any(target.under_way() for target in targets)):
        while due <= now and due < over:
            next(turns).due(due)
            due += chance.expovariate(per_second)
        # select and not epoll, whose shortest wait is a millisecond.
        ready, _, _ = select.select(descriptors, (), (), max(0.0, min(due, over) - time.perf_counter()))
        now = time.perf_counter()
        for descriptor in ready:
            target, connection = at[descriptor]
            target.read(connection, now >= over)
    late = statistics.quantiles([late for target in targets for late in target.lateness], n=100)
    took = statistics.quantiles([took for target in targets for took in target.times], n=100)
    statuses = [status for target in targets for status in target.statuses]
    return Told(
        answered=len(statuses),
        unsent=sum(len(target.waiting) for target in targets),
        per_second=len(statuses) / seconds,
        failed=sum(status >= 500 or status in (401, 403, 429) for status in statuses),
        p50_ms=took[49] * 1000,
        p99_ms=took[98] * 1000,
        late_p50_ms=late[49] * 1000,
        late_p99_ms=late[98] * 1000,
    )


def main(arguments: Sequence[str]) -> None:
    file, per_second, seconds, *urls = arguments
    gc.disable()
    _sleep_precisely()
    told = run(Path(file), float(per_second), float(seconds), urls)
    sys.stdout.buffer.write(msgspec.json.encode(told))


def _sleep_precisely() -> None:
    """The kernel rounds what a process waits by 50 µs, unless it is told otherwise; see proc(5)."""
    Path("/proc/self/timerslack_ns").write_text("1")


if __name__ == "__main__":
    main(sys.argv[1:])
