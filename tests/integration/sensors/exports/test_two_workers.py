"""Two workers of sensors on one PostgreSQL: none is made twice, and what a killed one was making the other makes."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.sensors import tables
from services.sensors.assembly import MIGRATIONS
from services.sensors.exports.export import ExportFormat, ExportRequest, ExportStatus
from services.sensors.exports.export_store import AT_ONCE_MAX, CLAIMED_FOR, ExportStore
from services.sensors.exports.exports import Exports, open_exports
from services.sensors.exports.making.standing import AskStanding, Standing
from services.sensors.exports.telling import nobody_to_tell
from services.sensors.ingest.importer import Importer
from services.sensors.ingest.recording import ReadResult, Recording
from services.sensors.registry.queries import SensorQueries
from services.sensors.samples import open_samples
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.runtime.clock import Clock, ManualClock, SystemClock
from shared.sql.database import Database
from tests.examples import ORIGIN
from tests.integration.sensors.recordings.scene import START_NS, segment
from tests.servers import Postgres
from tests.service_database import new_service_database

HOURS = 5
# A worker with one export to make. At the third question nobody speaks for its key: it waits there until it is killed.
WORKER = """
import sys, threading
from pathlib import Path
from services.sensors.exports.making.standing import Standing
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from tests.integration.sensors.exports.test_two_workers import worker

asked = []

def standing(organisation_id, key_id):
    asked.append(key_id)
    if len(asked) == 3:
        print("waits", flush=True)
        threading.Event().wait()
    return Standing()

exports = worker(Database(sys.stdin.readline().strip()), Path(sys.argv[1]), SystemClock(), standing)
exports.maker.run()
exports.maker.wait()
"""


def worker(database: Database, folder: Path, clock: Clock, standing: AskStanding) -> Exports:
    """What the worker of sensors has for exports."""
    queries, samples = SensorQueries(database, clock), folder / "samples"
    return open_exports(database, folder / "exports", samples, queries, clock, standing=standing, tell=nobody_to_tell)


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    database = new_service_database(postgres, MIGRATIONS)
    yield database
    database.close()


def request(organisation_id: str, sensor_id: str = "sen_1") -> ExportRequest:
    return ExportRequest(
        organisation_id=organisation_id,
        key_id="key_1",
        format=ExportFormat.CSV,
        sensor_ids=(sensor_id,),
        channel=None,
        start_ns=START_NS,
        end_ns=START_NS + HOURS * 3600 * 10**9,
    )


def test_of_workers_that_race_one_makes_each_export(database: Database) -> None:
    asked = {f"exp_{number}": f"org_{number % 5}" for number in range(20)}
    clock, workers = SystemClock(), [Database(database.engine.url) for _ in range(2)]
    for export_id, organisation_id in asked.items():
        ExportStore(database, clock).ask(export_id, request(organisation_id), lambda _tx, _id: None)
    made, at_once, lock = Counter[str](), list[list[str]](), threading.Lock()
    making: list[str] = []

    def work(store: ExportStore, name: str) -> None:
        while len(made) < len(asked):
            export = store.claim(claim := f"{name}-{len(made)}-{time.monotonic_ns()}")
            if export is None:
                continue
            with lock:
                making.append(export.request.organisation_id)
                at_once.append(list(making))
                made[export.id] += 1
            with lock:
                making.remove(export.request.organisation_id)
            assert store.finish(claim, 1, "00" * 32)

    threads = [
        threading.Thread(target=work, args=(ExportStore(one, clock), f"{number}-{each}"))
        for number, one in enumerate(workers)
        for each in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in workers:
        one.close()
    assert made == Counter(asked.keys())
    assert all(len(now) <= AT_ONCE_MAX and len(set(now)) == len(now) for now in at_once)


def test_a_killed_worker_s_export_is_made_by_the_other(database: Database, tmp_path: Path) -> None:
    later = ManualClock(datetime.now(UTC) + CLAIMED_FOR + timedelta(minutes=1))
    here = worker(database, tmp_path, later, lambda _organisation, _key: Standing())
    sensor_id = _recorded(database, tmp_path)
    ExportStore(database, SystemClock()).ask("exp_1", request("org_1", sensor_id), lambda _tx, _id: None)
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdin is not None
        assert killed.stdout is not None
        print(database.engine.url.render_as_string(hide_password=False), file=killed.stdin, flush=True)
        assert killed.stdout.readline() == "waits\n"
        (child,) = _children(killed.pid)
        killed.kill()
    while _is_running(child):
        time.sleep(0.02)  # it ends by itself: nobody answers it any more
    here.maker.run()
    here.maker.wait()
    told = here.store.get("exp_1", "org_1", None)
    assert told is not None
    assert (told.status, told.fault) == (ExportStatus.READY, None)
    with here.files.open(told.file_name) as file:
        assert len(file.readlines()) == 1 + HOURS * 3600
    (half,) = (tmp_path / "exports/incoming").iterdir()
    here.maker.sweep()
    assert half.exists(), "for an hour somebody may still write to it"
    os.utime(half, (0, 0))
    here.maker.sweep()
    assert [path.name for path in (tmp_path / "exports").rglob("*") if path.is_file()] == ["exp_1.csv"]
    here.maker.stop()


def _children(process_id: int) -> list[int]:
    """Of all of its threads."""
    lists = Path(f"/proc/{process_id}/task").glob("*/children")
    return [int(child) for one in lists for child in one.read_text().split()]


def _is_running(process_id: int) -> bool:
    """Not: ended, and not waited for by whom it was given to."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _recorded(database: Database, folder: Path) -> str:
    clock = SystemClock()
    samples = open_samples(database, folder / "samples", clock)
    importer = Importer(database, SqlEventStore(database, tables.metadata), samples.store, clock)
    recording = Recording(
        network="XX",
        station="AAA",
        name=None,
        latitude=None,
        longitude=None,
        elevation_m=None,
        unit="counts",
        segments=(segment(0, HOURS * 3600, rate_hz=1.0),),
    )
    read = ReadResult(recordings=(recording,), lines_read=1, rejected=())
    return importer.store(read, "org_1", ORIGIN).sensor_ids[0]
