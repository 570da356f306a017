"""What eight exports of a million rows cost another organisation: `python -m benchmarks.exports`, in five minutes.

`--rows 50000 --requests 10` tries it in one; those figures say nothing of the target.

Embedded, on SQLite: all services and both organisations share one process and one thread there, so that whatever is
made on it is waited for. Recordings first, eight exports as CSV, which wait for each other; then eight files of a key's
activity at once, whose callers come again where they are told to. Medians of a hundred requests of the other
organisation, alone and beside, in one run; the target is twice.
"""

import argparse
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import numpy as np
import obspy

from shared.values.timestamps import HOUR_US
from tests.e2e.running import Embedded, eventually, grillo

ROWS, AT_ONCE, REQUESTS, WARM_UP = 1_000_000, 8, 100, 10
BETWEEN_SECONDS, RATIO_MAX = 0.1, 2.0
EXPORTS_SECONDS_MAX = 600  # only ends a run that has failed
RATE_HZ, START = 100.0, "2026-11-01T00:00:00"
PATHS = ("/v1/sensors", "/v1/keys/self")
_COLUMNS = (
    "at, key_id, organisation_id, request_id, method, route, status, cost, duration_us, size, address, user_agent"
)

_EACH = ("GET", "/v1/sensors", 200, 1, 900, 800, "192.0.2.7", "a program")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """`requests`: of the other organisation to each path, besides those that warm it up."""

    rows: int
    requests: int


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.exports", description=__doc__)
    asked.add_argument("--rows", type=int, default=ROWS)
    asked.add_argument("--requests", type=int, default=REQUESTS)
    chosen = asked.parse_args()
    size = Size(rows=chosen.rows, requests=chosen.requests)
    with tempfile.TemporaryDirectory() as name, ExitStack() as closing_:
        folder = Path(name)
        data = folder / "data"
        with Embedded(data) as system, system.admin() as admin:
            organisation, admin_key = system.organisation, system.admin_key
            key_id = admin.get("/v1/keys/self").raise_for_status().json()["id"]
        began = time.perf_counter()
        other_key = _prepare(data, organisation, key_id, _recordings(folder / "long.mseed", size.rows), size.rows)
        print(f"prepared in {time.perf_counter() - began:.0f} s", flush=True)
        system = closing_.enter_context(Embedded(data, admin_key=admin_key))
        exporter, other = (closing_.enter_context(system.client(key)) for key in (admin_key, other_key))
        alone = _asked(other, size.requests)
        with _exports(exporter, size.rows):
            beside_exports = _asked(other, size.requests)
        between = _asked(other, size.requests)
        with _files(system, key_id):
            beside_files = _asked(other, size.requests)
    for path in PATHS:
        _show(f"{path}, beside exports", alone[path], beside_exports[path])
        _show(f"{path}, beside files of activity", between[path], beside_files[path])


def _recordings(file: Path, rows: int) -> Path:
    """A sensor of three axes, as many samples altogether as there are to be rows."""
    noise = np.random.default_rng(7)
    traces = [
        obspy.Trace(
            noise.integers(-1000, 1000, -(-rows // 3), dtype=np.int32),
            {"network": "XX", "station": "LONG", "channel": channel, "sampling_rate": RATE_HZ}
            | {"starttime": obspy.UTCDateTime(START)},
        )
        for channel in ("HNZ", "HNE", "HNN")
    ]
    obspy.Stream(traces).write(str(file), format="MSEED")
    return file


def _prepare(data: Path, organisation: str, key_id: str, recordings: Path, rows: int) -> str:
    """Both organisations with the limits that the measuring needs. The other one's admin key."""
    other = str(_told("organisation", "register", "Beside", "--tier", "premium", "--data", str(data))["id"])
    _told("organisation", "set-tier", organisation, "premium", "--data", str(data))
    _told("sensors", "import", str(recordings), "--organisation", organisation, "--data", str(data))
    _fill_requests(data / "usage.sqlite", organisation, key_id, rows)
    return str(_told("organisation", "admin-key", other, "--data", str(data))["key"])


def _told(*command: str) -> dict[str, object]:
    done = grillo(*command, "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = msgspec.json.decode(done.stdout)
    return told


def _fill_requests(file: Path, organisation: str, key_id: str, count: int) -> None:
    # An hour ago: a gate that starts counts the requests of the last minute against the key's limit.
    until_us = time.time_ns() // 1000 - HOUR_US
    rows = ((until_us - number * 1000, key_id, organisation, f"req_{number}", *_EACH) for number in range(count))
    with closing(sqlite3.connect(file)) as database, database:
        database.executemany(f"INSERT INTO request ({_COLUMNS}) VALUES ({', '.join('?' * 12)})", rows)  # noqa: S608


def _asked(client: httpx.Client, requests: int) -> dict[str, list[float]]:
    """Milliseconds of each request, by path."""
    taken: dict[str, list[float]] = {path: [] for path in PATHS}
    for number in range(WARM_UP + requests):
        for path in PATHS:
            began = time.perf_counter()
            client.get(path).raise_for_status()
            if number >= WARM_UP:
                taken[path].append((time.perf_counter() - began) * 1000)
        time.sleep(BETWEEN_SECONDS)
    return taken


@contextmanager
def _exports(client: httpx.Client, rows: int) -> Iterator[None]:
    """All are asked for before, and the last is not finished after: else nothing was measured beside them."""
    sensors = client.get("/v1/sensors", params={"limit": 100}).raise_for_status().json()["data"]
    (sensor_id,) = [sensor["id"] for sensor in sensors if sensor["station_code"] == "LONG"]
    body = {"sensor_ids": [sensor_id], "start": START, "end": "2026-11-02T00:00:00", "format": "csv"}
    began = time.perf_counter()
    ids = [client.post("/v1/exports", json=body).raise_for_status().json()["data"]["id"] for _ in range(AT_ONCE)]

    def is_over(id_: str) -> bool:
        told = client.get(f"/v1/exports/{id_}").raise_for_status().json()["data"]
        assert told["status"] != "failed", told
        return bool(told["status"] == "ready")

    eventually(lambda: client.get(f"/v1/exports/{ids[0]}").json()["data"]["status"], lambda status: status != "waiting")
    yield
    assert not is_over(ids[-1]), "they were finished too soon: nothing was measured beside the last ones"
    eventually(lambda: [is_over(id_) for id_ in ids], all, seconds=EXPORTS_SECONDS_MAX, every=1)
    print(f"{AT_ONCE} exports of {rows:,} rows: {time.perf_counter() - began:.0f} s, one after the other", flush=True)


@contextmanager
def _files(system: Embedded, key_id: str) -> Iterator[None]:
    """Each caller reads what it gets to the end, or comes again when it is told to."""
    is_over, taken, busy = threading.Event(), list[int](), list[str]()

    def download() -> None:
        headers = {"Accept": "text/csv"}
        with system.admin() as client:
            while not is_over.is_set():
                with client.stream("GET", f"/v1/keys/{key_id}/activity", headers=headers) as answer:
                    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                        busy.append(answer.headers["Retry-After"])
                        is_over.wait(float(answer.headers["Retry-After"]))
                        continue
                    taken.append(_read(answer, is_over.is_set))

    callers = [threading.Thread(target=download) for _ in range(AT_ONCE)]
    for caller in callers:
        caller.start()
    time.sleep(2)  # the child's start
    yield
    is_over.set()
    for caller in callers:
        caller.join()
    print(f"files of activity: {sum(taken):,} rows meanwhile; told to come again {len(busy)} times", flush=True)
    assert sum(taken), "no file was made meanwhile"


def _read(answer: httpx.Response, is_over: Callable[[], bool]) -> int:
    rows = 0
    for part in answer.iter_raw():
        rows += part.count(b"\n")
        if is_over():
            break
    return rows


def _show(what: str, alone: list[float], beside: list[float]) -> None:
    before, after = statistics.median(alone), statistics.median(beside)
    p95 = [statistics.quantiles(taken, n=20)[18] for taken in (alone, beside)]
    print(f"{what:40} alone {before:6.1f} ms (p95 {p95[0]:6.1f})   beside {after:6.1f} ms (p95 {p95[1]:6.1f})", end="")
    verdict = "met" if after <= RATIO_MAX * before else "missed"
    print(f"   ratio {after / before:.2f}; target {RATIO_MAX:g}: {verdict}", flush=True)


if __name__ == "__main__":
    main()
