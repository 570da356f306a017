"""The supervisor with real processes: it keeps them, gives up on hopeless ones, and ends them in order."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SUPERVISE = """
import json, sys
from services.distributed import supervisor
supervisor.RESTART_SECONDS_FIRST = supervisor.RESTART_SECONDS_MAX = 0.01
sys.exit(supervisor.Supervisor(json.loads(sys.argv[1])).run())
"""
# Notes its start and its end, and stays until it is told to go.
STAYS = """
import os, signal, sys
def note(word):
    with open(sys.argv[2], "a") as notes:
        notes.write(f"{sys.argv[1]} {word} {os.getpid()}\\n")
def end(*_):
    note("ended")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
note("began")
while True:
    signal.pause()
"""


def test_what_is_killed_is_started_again_and_everything_ends_on_sigterm_internal_door_last(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    commands = [[sys.executable, "-c", STAYS, name, str(notes)] for name in ("internal", "worker", "public")]
    supervisor = _supervise(commands)
    try:
        worker = _wait_for(notes, "worker began")
        _wait_for(notes, "public began")
        _wait_for(notes, "internal began")
        os.kill(int(worker[0].split()[2]), signal.SIGKILL)
        _wait_for(notes, "worker began", times=2)
    finally:
        supervisor.terminate()
    assert supervisor.wait(20) == 0
    ended = [line.split()[0] for line in notes.read_text().splitlines() if " ended " in line]
    assert ended == ["public", "worker", "internal"]


def test_a_process_that_keeps_crashing_ends_the_container_and_the_others_with_it(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    stays = [sys.executable, "-c", STAYS, "internal", str(notes)]
    supervisor = _supervise([stays, [sys.executable, "-c", "import sys; sys.exit(3)"]])
    assert supervisor.wait(30) == 1
    assert "internal ended" in notes.read_text()


def test_a_killed_supervisor_leaves_nobody_behind_on_its_ports(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    supervisor = _supervise([[sys.executable, "-c", STAYS, name, str(notes)] for name in ("internal", "public")])
    pids = [int(_wait_for(notes, f"{name} began")[0].split()[2]) for name in ("internal", "public")]
    supervisor.kill()
    supervisor.wait()
    deadline = time.monotonic() + 60
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline, "they live on without their supervisor"
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    """A process that ended and that nobody has asked for is a zombie: it holds no port."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _supervise(commands: list[list[str]]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SUPERVISE, json.dumps(commands)], stderr=subprocess.DEVNULL)


def _wait_for(notes: Path, text: str, times: int = 1) -> list[str]:
    deadline = time.monotonic() + 60
    while True:
        found = [line for line in notes.read_text().splitlines() if line.startswith(text)] if notes.exists() else []
        if len(found) >= times:
            return found
        assert time.monotonic() < deadline, f"no {times} × {text!r}"
        time.sleep(0.01)
