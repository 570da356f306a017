"""`grillo up`, or all of docker-compose.yml on private servers, with six hundred keys; and what its processes take."""

import contextlib
import os
import re
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import httpx

from tests import local_http
from tests.e2e.running import Distributed, Embedded, System, eventually, grillo
from tests.servers import Postgres, RabbitMq, Redis
from tests.stack import Stack

KEYS, KEYS_A_BATCH = 600, 100
# Auth's, whose handler does nothing: what is measured there is the gate, its metering, and what follows from it.
DOOR = "/v1/authorize?permission=sensors:read"
# What a process is, by its command line; the first that fits.
GROUPS = (
    ("PostgreSQL", r"postgres"),
    ("RabbitMQ", r"beam\.smp|erl_child_setup|inet_gethost"),
    ("Redis", r"redis-server"),
    ("nginx", r"nginx"),
    ("Prometheus", r"prometheus"),
    ("usage's worker", r"services\.distributed\.worker usage"),
    ("the gate's web", r"services\.distributed\.web auth public|services\.cli up"),
    ("internal doors", r"services\.distributed\.web \w+ internal"),
    ("other webs", r"services\.distributed\.web"),
    ("other workers", r"services\.distributed\.worker"),
    ("supervisors", r"services\.cli run"),
)
_TICKS = os.sysconf("SC_CLK_TCK")
_ENDED = (FileNotFoundError, ProcessLookupError)
ByGroup = defaultdict[str, float]


class Processes:
    """All that this process had started when this was made, by group. Of those that have ended since there is nothing:
    PostgreSQL begins and ends some by itself, and counts their time as its own."""

    def __init__(self) -> None:
        self.group_of: dict[int, str] = {}
        below = _children(os.getpid())
        while below:
            pid = below.pop()
            below += _children(pid)
            if group := _group(pid):
                self.group_of[pid] = group

    def seconds(self) -> ByGroup:
        """Processor time so far, with that of children that have ended."""
        return self._sums(processor_seconds)

    def megabytes(self) -> ByGroup:
        """What is each one's own, with its part of what is shared (PSS)."""
        return self._sums(_megabytes)

    def open_files(self) -> ByGroup:
        return self._sums(lambda pid: len(os.listdir(f"/proc/{pid}/fd")))

    def _sums(self, of: Callable[[int], float]) -> ByGroup:
        sums = ByGroup(float)
        for pid, group in self.group_of.items():
            with contextlib.suppress(*_ENDED):
                sums[group] += of(pid)
        return sums


def processor_seconds(pid: int) -> float:
    """So far, with that of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _megabytes(pid: int) -> float:
    told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kilobytes) / 1024 for kilobytes in re.findall(r"^Pss: +(\d+)", told, re.M))


def embedded(folder: Path, each: ExitStack) -> tuple[Embedded, str]:
    """The system, and the address of its gate."""
    os.environ["TRUSTED_PROXIES"] = "127.0.0.1"  # the caller stands for one
    running = each.enter_context(Embedded(folder / "data"))
    grillo("organisation", "set-tier", running.organisation, "premium", "--data", str(folder / "data"))
    return running, running.url


def services(folder: Path, each: ExitStack) -> tuple[Distributed, str]:
    """The system, and the address of auth's gate."""
    postgres = each.enter_context(closing(Postgres(folder)))
    rabbitmq = each.enter_context(closing(RabbitMq(folder, vhosts=1)))
    redis = each.enter_context(closing(Redis(folder)))
    stack = each.enter_context(closing(Stack(folder, postgres, rabbitmq, redis)))
    running = Distributed(stack)
    stack.grillo("keys", "organisation", "set-tier", running.organisation, "premium").check_returncode()
    return running, stack.public_url("auth")


def made_keys(running: System) -> list[str]:
    made: list[str] = []
    with running.admin() as admin:
        for first in range(0, KEYS, KEYS_A_BATCH):
            some = [
                {"name": f"Key {number}", "permissions": ["sensors:read"]}
                for number in range(first, first + KEYS_A_BATCH)
            ]
            answer = admin.post("/v1/keys/batch", json={"keys": some}, timeout=60).raise_for_status().json()
            made += [one["key"] for one in answer["data"]]
    return made


def await_admission(door: str, key: str) -> None:
    """The gate has heard of the key."""
    presented = {"Authorization": f"Bearer {key}", "X-Original-Method": "GET", "X-Original-URI": "/"}
    eventually(lambda: local_http.get(door, headers=presented).status_code, lambda status: status == httpx.codes.OK)


def _group(pid: int) -> str | None:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except _ENDED:
        return None
    return next((group for group, pattern in GROUPS if re.search(pattern, command)), None)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(*_ENDED):
            found += map(int, tasks.read_text().split())
    return found
