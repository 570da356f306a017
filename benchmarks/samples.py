"""The store of samples: import, 10 minutes of a sensor as miniSEED from a month of thirty, bytes a sample, arrival.

`GRILLO_TEST_DATA` has the recordings. The month is made by the sealer's own writer of noise like theirs, hour by hour;
`BENCH_DAYS` and `BENCH_SENSORS` make it smaller, and the figures say so.
"""

import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, func, insert, select

from services.sensors import ingest, tables
from services.sensors.assembly import MIGRATIONS
from services.sensors.ingest.importer import Importer
from services.sensors.samples import Samples as Store
from services.sensors.samples import open_samples
from services.sensors.store import index
from services.sensors.store.even_times import HOUR_NS
from services.sensors.store.miniseed.archive import Archive, FileName
from services.sensors.store.miniseed.codes import Codes
from services.sensors.store.piece import Samples, by_time
from services.sensors.store.sealing.hour_file import hour_file
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from shared.sql.migrations import migrate

DAYS, SENSORS = int(os.environ.get("BENCH_DAYS", "30")), int(os.environ.get("BENCH_SENSORS", "30"))
RECORDINGS = Path(os.environ.get("GRILLO_TEST_DATA", "../shared/data/openeew")) / "records"
ORGANISATION, RATE_HZ, AXES = "org_bench", 31.25, ("x", "y", "z")
READS, ARRIVALS, BATCH = 400, 200, 30
FIRST_HOUR = 490_000  # in 2025


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _measure_import(folder / "import")
        _measure_arrival(folder / "arrival")
        _measure_reads(folder / "archive")


def _opened(folder: Path) -> tuple[Database, Store]:
    folder.mkdir()
    database = Database.sqlite(folder / "sensors.sqlite")
    migrate(database, MIGRATIONS)
    return database, open_samples(database, folder / "samples", SystemClock())


def _measure_import(folder: Path) -> None:
    """All of it: unpacking, JSON, times, what is stored already, rows; then sealing."""
    database, samples = _opened(folder)
    store = SqlEventStore(database, tables.metadata)
    importer = Importer(database, store, samples.store, SystemClock())
    files = sorted(RECORDINGS.rglob("*.jsonl.gz"))
    began = time.perf_counter()
    count = 0
    sensor_ids: set[str] = set()
    for file in files:
        imported = importer.store(ingest.read(file, now=SystemClock().now()), ORGANISATION, Origin(actor="bench"))
        count, sensor_ids = count + imported.account.new, sensor_ids | set(imported.sensor_ids)
    count += sum(account.new for account in importer.decide(sensor_ids).values())
    seconds = time.perf_counter() - began
    print(f"import: {len(files)} files, {count:,} samples, {count / seconds:,.0f} samples/s")
    began = time.perf_counter()
    while samples.sealer.run(settled=False):
        pass
    seconds = time.perf_counter() - began
    print(f"sealed: {count / seconds:,.0f} samples/s, {_bytes_a_sample(database)}")
    database.close()


def _measure_arrival(folder: Path) -> None:
    """Records of one second as they come live, of BATCH sensors in one commit."""
    database, samples = _opened(folder)
    _register(database, BATCH)
    noise, took = _noise(1), []
    for number in range(ARRIVALS):
        start_ns, part = FIRST_HOUR * HOUR_NS + number * 1_024_000_000, noise[32 * number : 32 * number + 32]
        pieces = [by_time(axis, start_ns, RATE_HZ, part) for axis in AXES]
        began = time.perf_counter()
        with database.transaction() as tx:
            for sensor in range(BATCH):
                samples.store.lock(tx, _sensor_id(sensor))
                samples.store.add(tx, _sensor_id(sensor), pieces)
        took.append(time.perf_counter() - began)
    rate = BATCH * ARRIVALS / sum(took)
    print(f"arrival: {rate:,.0f} records/s, {BATCH} in one commit: p50 {_ms(took, 50)}, p99 {_ms(took, 99)}")
    while samples.sealer.run(settled=False):
        pass
    print(f"what came live, sealed: {_bytes_a_sample(database)}; {ARRIVALS} s of it, so records are not full")
    database.close()


def _measure_reads(folder: Path) -> None:
    database, samples = _opened(folder)
    _register(database, SENSORS)
    archive, noise = Archive(folder / "samples"), [_noise(seed) for seed in range(8)]
    began = time.perf_counter()
    for hour in range(DAYS * 24):
        with database.transaction(durable=False) as tx:
            for sensor, axis, codes in _channels():
                _write_hour(tx, archive, sensor, axis, codes, FIRST_HOUR + hour, random.choice(noise))
    seconds = time.perf_counter() - began
    print(f"archive: {DAYS} days of {SENSORS} sensors in {seconds:,.0f} s, {_bytes_a_sample(database)}")
    took = []
    for _ in range(READS):
        start_ns = FIRST_HOUR * HOUR_NS + random.randrange(DAYS * 24 * 3600 - 600) * 10**9
        sensor_id = _sensor_id(random.randrange(SENSORS))
        began = time.perf_counter()
        content = samples.reader.miniseed(sensor_id, start_ns, start_ns + 600 * 10**9, None)
        took.append(time.perf_counter() - began)
        assert content
    print(f"10 minutes of one sensor as miniSEED, {READS} reads: p50 {_ms(took, 50)}, p95 {_ms(took, 95)}")
    database.close()


def _channels() -> Iterator[tuple[str, str, Codes]]:
    for sensor in range(SENSORS):
        for axis, channel in zip(AXES, ("BNZ", "BN1", "BN2"), strict=True):
            yield _sensor_id(sensor), axis, Codes(network="XX", station=f"S{sensor}", location="", channel=channel)


def _write_hour(
    tx: Connection, archive: Archive, sensor_id: str, axis: str, codes: Codes, hour: int, noise: Samples
) -> None:
    made = hour_file(codes, [by_time(axis, hour * HOUR_NS, RATE_HZ, noise)])
    path = FileName(organisation_id=ORGANISATION, codes=codes, hour=hour, generation=1).relative
    file = archive.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(made.content)  # as the archive writes it, but for waiting for the disk
    index.insert_file(tx, sensor_id, axis, hour, path, len(made.content), made.spans)


def _register(database: Database, count: int) -> None:
    with database.transaction() as tx:
        for number in range(count):
            row = {"id": _sensor_id(number), "organisation_id": ORGANISATION, "network": "XX", "station": f"S{number}"}
            tx.execute(insert(tables.sensor).values(**row, name="", unit="mGal"))


def _bytes_a_sample(database: Database) -> str:
    with database.reading() as tx:
        size = tx.execute(select(func.sum(tables.sealed_file.c.bytes))).scalar_one()
        sealed = tables.span.c.file_id.is_not(None)
        count = tx.execute(select(func.sum(tables.span.c.count)).where(sealed)).scalar_one()
    return f"{size / count:.2f} bytes a sample"


def _noise(seed: int) -> Samples:
    """Of about 1.5 bytes a sample, as the recordings are between earthquakes."""
    return np.random.default_rng(seed).normal(0, 40, 112_500).round().astype(np.int32)


def _sensor_id(number: int) -> str:
    return f"sen_{number:022}"


def _ms(seconds: list[float], percent: int) -> str:
    return f"{statistics.quantiles(seconds, n=100)[percent - 1] * 1000:.1f} ms"


if __name__ == "__main__":
    main()
