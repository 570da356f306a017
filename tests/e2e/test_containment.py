"""The running system, held as docker-compose.yml says: each process of it, whatever started it."""

import re
from pathlib import Path

import pytest

from tests.contained import why_not
from tests.e2e.running import Distributed

pytestmark = [
    pytest.mark.xdist_group("distributed"),
    pytest.mark.skipif(why_not() is not None, reason=f"not held here: {why_not()}"),
]
HELD = {"Uid": "10001", "Gid": "10001", "NoNewPrivs": "1", "Groups": ""}
HELD |= dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0" * 16)


def test_no_process_of_a_service_has_a_capability_a_way_to_one_or_a_root_that_it_can_write(
    distributed: Distributed,
) -> None:
    processes = distributed.stack.pids()
    assert len(processes) > 2 * len(distributed.stack.services)
    assert {role: _held(pid) for role, pid in processes} == {role: HELD for role, _ in processes}
    assert [role for role, pid in processes if not _root_is_read_only(pid)] == []


def _held(pid: int) -> dict[str, str]:
    told = dict(re.findall(r"^(\w+):[ \t]*(\S*)", Path(f"/proc/{pid}/status").read_text(), re.M))
    return {name: told[name] for name in HELD}


def _root_is_read_only(pid: int) -> bool:
    mounted = [line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
    return [words[5].split(",")[0] for words in mounted if words[4] == "/"] == ["ro"]
