"""As many requests as the server takes, by wrk with one thread, each with the next of many keys."""

import resource
import subprocess
from collections.abc import Iterable
from pathlib import Path

import msgspec

CONNECTIONS = 32
_SCRIPT = Path(__file__).parent / "keys.lua"
REFUSED_SHARE_MAX = 0.001


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What wrk says. `refused`: answers of 400 and above; `broken`: connections that failed."""

    requests: int
    microseconds: int
    refused: int
    broken: int
    p50_us: int
    p99_us: int

    @property
    def per_second(self) -> float:
        return self.requests / self.microseconds * 1e6


def write_headers(place: Path, headers: Iterable[str]) -> Path:
    place.touch(mode=0o600)
    place.write_text("".join(f"{header}\n" for header in headers))
    return place


def run_wrk(
    url: str, headers: Path, seconds: int, *, begin: int = 0, connections: int = CONNECTIONS
) -> tuple[Told, float]:
    """And the share of a core that wrk took. Stops where more than one in a thousand was not answered with 200."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(_SCRIPT), url]
    before = _cpu_seconds_of_children()
    told = subprocess.run([*command, "--", str(headers), str(begin)], capture_output=True, text=True, check=True).stdout
    busy = (_cpu_seconds_of_children() - before) / seconds
    summary = msgspec.json.decode(told.splitlines()[-1], type=Told)
    assert summary.requests, told
    assert summary.refused + summary.broken <= REFUSED_SHARE_MAX * summary.requests, told
    return summary, busy


def _cpu_seconds_of_children() -> float:
    """Of those that have ended: wrk, here."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
