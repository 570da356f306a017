"""The running system, held as docker-compose.yml says: each process of it, whatever started it, and on its networks."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests import contained, local_http, networked
from tests.foreground import Served, serving
from tests.networked import NetworkedStack
from tests.servers import free_port

pytestmark = [
    pytest.mark.xdist_group("networked"),
    pytest.mark.skipif(contained.why_not() is not None, reason=f"not held here: {contained.why_not()}"),
    pytest.mark.skipif(networked.why_not() is not None, reason=f"not held here: {networked.why_not()}"),
]
HELD = {"Uid": "10001", "Gid": "10001", "NoNewPrivs": "1", "Groups": ""}
HELD |= dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0" * 16)
WEBS = {"keys", "auth", "usage", "sensors", "console"}
DOORS = {f"{name}'s internal door" for name in WEBS - {"console"}}
STORES = {"postgres", "rabbitmq", "redis"}
TRIES = """
import json, socket, sys
def is_reached(place):
    try:
        socket.create_connection(tuple(place), 20).close()
    except OSError:
        return False
    return True
print(json.dumps([name for name, places in json.load(sys.stdin).items() if any(map(is_reached, places))]))
"""


@dataclass(frozen=True, kw_only=True)
class Here:
    """What `make stack` starts; this thread is on its network. `outside`: a thread that is on this machine's."""

    served: Served
    stack: NetworkedStack
    outside: ThreadPoolExecutor

    def reached_from(self, container: str) -> set[str]:
        """What answers there, at whichever of its addresses."""
        command = [*self.stack.bridges.entering(container), sys.executable, "-c", TRIES]
        done = subprocess.run(command, input=json.dumps(self.stack.places()), stdout=subprocess.PIPE, text=True)
        return set(json.loads(done.stdout))


@pytest.fixture(scope="module")
def here() -> Iterator[Here]:
    with ThreadPoolExecutor(1) as outside:
        outside.submit(threading.get_native_id).result()  # started now, and so not on the network that follows
        with serving(free_port()) as served:
            assert isinstance(served.stack, NetworkedStack)
            yield Here(served=served, stack=served.stack, outside=outside)


def test_no_process_of_a_service_has_a_capability_a_way_to_one_or_a_root_that_it_can_write(here: Here) -> None:
    processes = here.stack.pids()
    assert len(processes) > 2 * len(here.stack.services)
    assert {role: _held(pid) for role, pid in processes} == {role: HELD for role, _ in processes}
    assert [role for role, pid in processes if not _root_is_read_only(pid)] == []


def test_a_container_reaches_on_its_networks_what_the_file_lets_it_and_nothing_else(here: Here) -> None:
    assert here.stack.places().keys() == WEBS | DOORS | STORES
    assert here.reached_from("front") == WEBS
    assert here.reached_from("migrate") == WEBS | STORES
    for name in WEBS:
        assert here.reached_from(name) == WEBS | DOORS | STORES


def test_a_newcomer_reaches_what_is_published_and_is_told_what_is_not_held(here: Here) -> None:
    def told(url: str, **headers: str) -> int:
        return here.outside.submit(local_http.get, url, headers=headers).result().status_code

    urls = here.served.urls
    assert told(f"{urls['front']}/v1/keys", Authorization=f"Bearer {here.served.admin_key}") == httpx.codes.OK
    assert told(f"{urls['Prometheus']}/-/ready") == httpx.codes.OK
    assert any("leads nowhere" in line for line in here.served.lines)


def _held(pid: int) -> dict[str, str]:
    told = dict(re.findall(r"^(\w+):[ \t]*(\S*)", Path(f"/proc/{pid}/status").read_text(), re.M))
    return {name: told[name] for name in HELD}


def _root_is_read_only(pid: int) -> bool:
    mounted = [line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
    return [words[5].split(",")[0] for words in mounted if words[4] == "/"] == ["ro"]
